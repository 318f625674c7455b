"""numbers, taxes, due dates, credit notes, refunds, and the books"""

from alembic import op

revision = "billing_0004"
down_revision = "billing_0003"
branch_labels = None
depends_on = None
meant = dict.fromkeys(
    ("scans", "many_rows", "blocks_writes"),
    "from before the first release: no host has rows yet that anybody waits for",
)

INVOICES = """
    ALTER TABLE invoices
        ADD tax bigint NOT NULL DEFAULT 0,
        ADD credited bigint NOT NULL DEFAULT 0,
        ADD series text,
        ADD place integer,
        ADD due_days integer NOT NULL DEFAULT 14,
        ADD due_on date,
        ADD automatic boolean NOT NULL DEFAULT false,
        ADD payment_method text,
        ADD collect_at timestamptz,
        ADD collect_attempts integer NOT NULL DEFAULT 0,
        ADD uncollectible_at timestamptz,
        ADD overdue_at timestamptz,
        DROP CONSTRAINT ck_invoices_status,
        ADD CONSTRAINT ck_invoices_status
            CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible')),
        ADD CONSTRAINT ck_invoices_credited CHECK (credited BETWEEN 0 AND total),
        ADD CONSTRAINT uq_invoices_number UNIQUE (series, place)
"""
# What was opened before has its numbers in the order in which it was opened.
NUMBERED = """
    UPDATE invoices SET series = 'INV', place = numbered.place, due_on = (opened_at AT TIME ZONE 'UTC')::date + 14
    FROM (SELECT id, row_number() OVER (ORDER BY opened_at, id) AS place
          FROM invoices WHERE opened_at IS NOT NULL) numbered
    WHERE invoices.id = numbered.id
"""
SERIES = (
    """
    CREATE TABLE number_series (
        series text CONSTRAINT pk_number_series PRIMARY KEY,
        latest integer NOT NULL
    )
    """,
    "INSERT INTO number_series SELECT 'INV', max(place) FROM invoices HAVING max(place) IS NOT NULL",
)
INDEXES = (
    # The schedule that marks and collects. Small: what is settled leaves them.
    "CREATE INDEX ix_invoices_overdue ON invoices (due_on, id) WHERE status = 'open' AND overdue_at IS NULL",
    "CREATE INDEX ix_invoices_collect ON invoices (collect_at, id) WHERE collect_at IS NOT NULL",
)
PAYMENTS = """
    ALTER TABLE payments
        ADD method text,
        ADD automatic boolean NOT NULL DEFAULT false,
        ADD refunded bigint NOT NULL DEFAULT 0,
        ADD CONSTRAINT ck_payments_refunded
            CHECK (refunded BETWEEN 0 AND CASE status WHEN 'succeeded' THEN amount ELSE 0 END)
"""
REFUNDS = (
    """
    CREATE TABLE refunds (
        id uuid CONSTRAINT pk_refunds PRIMARY KEY,
        invoice_id uuid NOT NULL CONSTRAINT fk_refunds_invoice REFERENCES invoices (id),
        payment_id uuid NOT NULL CONSTRAINT fk_refunds_payment REFERENCES payments (id),
        status text NOT NULL
            CONSTRAINT ck_refunds_status CHECK (status IN ('pending', 'succeeded', 'failed', 'unknown')),
        amount bigint NOT NULL CONSTRAINT ck_refunds_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
        currency text NOT NULL CONSTRAINT ck_refunds_currency CHECK (currency ~ '^[A-Z]{3}$'),
        reason text NOT NULL,
        requested_at timestamptz NOT NULL,
        settled_at timestamptz,
        gateway_reference text,
        failure text,
        CONSTRAINT ck_refunds_settled_at CHECK ((status IN ('succeeded', 'failed')) = (settled_at IS NOT NULL)),
        CONSTRAINT ck_refunds_gateway_reference CHECK ((status = 'succeeded') = (gateway_reference IS NOT NULL)),
        CONSTRAINT ck_refunds_failure CHECK ((status = 'failed') = (failure IS NOT NULL))
    )
    """,
    "CREATE INDEX ix_refunds_invoice ON refunds (invoice_id, requested_at, id)",
    """
    CREATE TABLE credit_notes (
        id uuid CONSTRAINT pk_credit_notes PRIMARY KEY,
        invoice_id uuid NOT NULL CONSTRAINT fk_credit_notes_invoice REFERENCES invoices (id),
        refund_id uuid CONSTRAINT uq_credit_notes_refund UNIQUE
            CONSTRAINT fk_credit_notes_refund REFERENCES refunds (id),
        series text NOT NULL,
        place integer NOT NULL,
        amount bigint NOT NULL CONSTRAINT ck_credit_notes_amount CHECK (amount > 0),
        tax bigint NOT NULL CONSTRAINT ck_credit_notes_tax CHECK (tax BETWEEN 0 AND amount),
        currency text NOT NULL CONSTRAINT ck_credit_notes_currency CHECK (currency ~ '^[A-Z]{3}$'),
        reason text NOT NULL,
        issued_at timestamptz NOT NULL,
        CONSTRAINT uq_credit_notes_number UNIQUE (series, place)
    )
    """,
    "CREATE INDEX ix_credit_notes_invoice ON credit_notes (invoice_id, issued_at, id)",
)
# An entry is what has one kind and source. It is written by one statement, which must sum up to zero.
POSTINGS = (
    """
    CREATE TABLE postings (
        id bigint GENERATED ALWAYS AS IDENTITY,
        kind text NOT NULL,
        source uuid NOT NULL,
        account text NOT NULL
            CONSTRAINT ck_postings_account
                CHECK (account IN ('receivable', 'gateway', 'revenue', 'tax', 'bad_debt')),
        invoice_id uuid NOT NULL CONSTRAINT fk_postings_invoice REFERENCES invoices (id),
        customer_id uuid NOT NULL,
        currency text NOT NULL CONSTRAINT ck_postings_currency CHECK (currency ~ '^[A-Z]{3}$'),
        amount bigint NOT NULL CONSTRAINT ck_postings_amount CHECK (amount <> 0),
        at timestamptz NOT NULL,
        CONSTRAINT pk_postings PRIMARY KEY (kind, source, account)
    )
    """,
    "CREATE INDEX ix_postings_invoice ON postings (invoice_id)",
    "CREATE INDEX ix_postings_statement ON postings (customer_id, account, id)",
    """
    CREATE FUNCTION demand_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM added GROUP BY kind, source, currency HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION 'an entry of the books does not sum up to zero'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_postings_zero_sum';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER postings_sum_up_to_zero AFTER INSERT ON postings REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION demand_zero_sum()
    """,
    """
    CREATE FUNCTION refuse_to_change_postings() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the books are append-only: % refused. Book the opposite instead', lower(TG_OP)
            USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER postings_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_postings()
    """,
)
# What happened before there were books. Nothing was taxed, credited or refunded then.
BOOKED = """
    INSERT INTO postings (kind, source, account, invoice_id, customer_id, currency, amount, at)
    SELECT entry.kind, entry.source, side.account, id, customer_id, currency, side.sign * total, entry.at
    FROM invoices
    CROSS JOIN LATERAL (
        SELECT 'opened', id, opened_at, 'receivable', 'revenue' WHERE opened_at IS NOT NULL
        UNION ALL
        SELECT 'paid', (SELECT p.id FROM payments p WHERE p.invoice_id = invoices.id AND p.status = 'succeeded'),
            paid_at, 'gateway', 'receivable' WHERE paid_at IS NOT NULL
        UNION ALL
        SELECT 'voided', id, voided_at, 'revenue', 'receivable'
        WHERE opened_at IS NOT NULL AND voided_at IS NOT NULL
    ) AS entry(kind, source, at, debited, credited_account)
    CROSS JOIN LATERAL (VALUES (entry.debited, 1), (entry.credited_account, -1)) AS side(account, sign)
    ORDER BY entry.at, id
"""


def upgrade() -> None:
    for statement in (INVOICES, NUMBERED, *SERIES, *INDEXES, PAYMENTS, *REFUNDS, *POSTINGS, BOOKED):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("books are not given up: restore a backup to go back")
