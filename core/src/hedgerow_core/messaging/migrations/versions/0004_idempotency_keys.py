"""idempotency_keys: the answers of requests that may be sent again"""

from alembic import op

revision = "ledger_0004"
down_revision = "ledger_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE idempotency_keys (
            scope bytea PRIMARY KEY,
            fingerprint bytea NOT NULL,
            answer jsonb,
            recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
        """
    )
    op.execute("CREATE INDEX idempotency_keys_by_age ON idempotency_keys (recorded_at)")


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys")
