"""invoices, payments, customers"""

from alembic import op

revision = "billing_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE invoices (
            id uuid CONSTRAINT pk_invoices PRIMARY KEY,
            customer_id uuid NOT NULL,
            status text NOT NULL
                CONSTRAINT ck_invoices_status CHECK (status IN ('draft', 'open', 'paid', 'void')),
            currency text NOT NULL CONSTRAINT ck_invoices_currency CHECK (currency ~ '^[A-Z]{3}$'),
            total bigint NOT NULL CONSTRAINT ck_invoices_total CHECK (total BETWEEN 0 AND 1000000000000000),
            lines jsonb NOT NULL
                CONSTRAINT ck_invoices_lines CHECK (jsonb_array_length(lines) BETWEEN 1 AND 100),
            version integer NOT NULL,
            created_at timestamptz NOT NULL,
            opened_at timestamptz,
            paid_at timestamptz,
            voided_at timestamptz,
            CONSTRAINT ck_invoices_paid_at CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
            CONSTRAINT ck_invoices_voided_at CHECK ((status = 'void') = (voided_at IS NOT NULL))
        )
        """
    )
    # The owner's list, by age and by total. Both directions: PostgreSQL reads an index backwards too.
    op.execute("CREATE INDEX ix_invoices_owner_created ON invoices (customer_id, created_at DESC, id DESC)")
    op.execute("CREATE INDEX ix_invoices_owner_total ON invoices (customer_id, total DESC, id DESC)")
    op.execute(
        """
        CREATE TABLE payments (
            id uuid CONSTRAINT pk_payments PRIMARY KEY,
            invoice_id uuid NOT NULL CONSTRAINT fk_payments_invoice REFERENCES invoices (id),
            status text NOT NULL
                CONSTRAINT ck_payments_status CHECK (status IN ('pending', 'succeeded', 'failed', 'unknown')),
            amount bigint NOT NULL CONSTRAINT ck_payments_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
            currency text NOT NULL CONSTRAINT ck_payments_currency CHECK (currency ~ '^[A-Z]{3}$'),
            requested_at timestamptz NOT NULL,
            settled_at timestamptz,
            gateway_reference text,
            failure text,
            CONSTRAINT ck_payments_settled_at
                CHECK ((status IN ('succeeded', 'failed')) = (settled_at IS NOT NULL)),
            CONSTRAINT ck_payments_gateway_reference
                CHECK ((status = 'succeeded') = (gateway_reference IS NOT NULL)),
            CONSTRAINT ck_payments_failure CHECK ((status = 'failed') = (failure IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_payments_invoice ON payments (invoice_id, requested_at, id)")
    # An invoice is charged by one payment at a time, whatever races.
    op.execute(
        """
        CREATE UNIQUE INDEX uq_payments_in_progress ON payments (invoice_id)
        WHERE status IN ('pending', 'unknown')
        """
    )
    op.execute(
        """
        CREATE TABLE customers (
            id uuid CONSTRAINT pk_customers PRIMARY KEY,
            email text NOT NULL,
            name text NOT NULL,
            registered_at timestamptz NOT NULL,
            version integer NOT NULL
        )
        """
    )


def downgrade() -> None:
    for table in ("customers", "payments", "invoices"):
        op.execute(f"DROP TABLE {table}")
