"""feed_cursors: what a publisher in another host last said about its feed"""

from alembic import op

revision = "ledger_0006"
down_revision = "ledger_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE feed_cursors
            ADD COLUMN heard_at timestamptz,
            ADD COLUMN waiting_since timestamptz,
            ADD COLUMN oldest_id bigint
        """
    )


def downgrade() -> None:
    op.execute("ALTER TABLE feed_cursors DROP COLUMN heard_at, DROP COLUMN waiting_since, DROP COLUMN oldest_id")
