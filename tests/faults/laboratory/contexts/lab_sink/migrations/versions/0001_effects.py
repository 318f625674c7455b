"""effects"""

from alembic import op

revision = "sink_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No constraint: an effect that happens twice must be able to show.
    op.execute(
        """
        CREATE TABLE effects (
            id bigint GENERATED ALWAYS AS IDENTITY, event_id uuid NOT NULL, key uuid NOT NULL,
            number integer NOT NULL, attempt integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE effects")
