"""names, beside titles"""

from alembic import op

revision = "shelf_0002"
down_revision = "shelf_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE books ADD COLUMN name text, ALTER COLUMN title DROP NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE books DROP COLUMN name, ALTER COLUMN title SET NOT NULL")
