"""books"""

from alembic import op

revision = "shelf_0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE books (id uuid PRIMARY KEY, title text NOT NULL)")
    op.execute("CREATE INDEX books_by_title ON books (title)")


def downgrade() -> None:
    op.execute("DROP TABLE books")
