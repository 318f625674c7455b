"""identities, webhook_receipts"""

from alembic import op

revision = "users_0006"
down_revision = "users_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE identities (
            id uuid CONSTRAINT pk_identities PRIMARY KEY,
            provider text NOT NULL,
            subject text NOT NULL,
            account_id uuid CONSTRAINT fk_identities_account REFERENCES accounts (id),
            email text,
            source_updated_at timestamptz,
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            CONSTRAINT uq_identities_subject UNIQUE (provider, subject)
        )
        """
    )
    op.execute("CREATE INDEX ix_identities_account ON identities (account_id, created_at, id)")
    op.execute(
        """
        CREATE TABLE webhook_receipts (
            provider text NOT NULL,
            webhook_id text NOT NULL,
            received_at timestamptz NOT NULL,
            CONSTRAINT pk_webhook_receipts PRIMARY KEY (provider, webhook_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_webhook_receipts_received ON webhook_receipts (received_at)")


def downgrade() -> None:
    op.execute("DROP TABLE webhook_receipts")
    op.execute("DROP TABLE identities")
