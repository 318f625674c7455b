"""an index for who lists everybody's invoices"""

from alembic import op

revision = "billing_0002"
down_revision = "billing_0001"
branch_labels = None
depends_on = None
meant = {"blocks_writes": "from before the first release: no host has rows yet that anybody waits for"}


def upgrade() -> None:
    op.execute("CREATE INDEX ix_invoices_created ON invoices (created_at, id)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_invoices_created")
