"""marks, effects, counted"""

from alembic import op

revision = "source_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE marks (key uuid PRIMARY KEY, number integer NOT NULL)")
    # No constraint on effects: one that happens twice must be able to show.
    op.execute(
        """
        CREATE TABLE effects (
            id bigint GENERATED ALWAYS AS IDENTITY, event_id uuid NOT NULL, key uuid NOT NULL,
            number integer NOT NULL, attempt integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())
        """
    )
    op.execute("CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY, key uuid, number integer)")


def downgrade() -> None:
    op.execute("DROP TABLE marks, effects, counted")
