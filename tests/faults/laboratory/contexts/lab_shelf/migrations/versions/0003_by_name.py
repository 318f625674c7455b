"""an index of names"""

from hedgerow_core.persistence import build_index, drop_index

revision = "shelf_0003"
down_revision = "shelf_0002"


def upgrade() -> None:
    build_index("books_by_name", "books (name)")


def downgrade() -> None:
    drop_index("books_by_name")
