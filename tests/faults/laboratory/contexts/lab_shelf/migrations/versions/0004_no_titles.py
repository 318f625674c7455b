"""titles are gone"""

from alembic import op

revision = "shelf_0004"
down_revision = "shelf_0003"
meant = {"breaks_running_code": "release 3 neither reads nor writes it"}


def upgrade() -> None:
    op.execute("ALTER TABLE books DROP COLUMN title")


def downgrade() -> None:
    raise NotImplementedError("titles are gone")
