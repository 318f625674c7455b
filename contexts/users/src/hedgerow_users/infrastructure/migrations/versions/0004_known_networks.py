"""known_networks"""

from alembic import op

revision = "users_0004"
down_revision = "users_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE known_networks (
            place bytea CONSTRAINT pk_known_networks PRIMARY KEY
                CONSTRAINT ck_known_networks_place CHECK (octet_length(place) = 32),
            seen_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_known_networks_seen ON known_networks (seen_at)")


def downgrade() -> None:
    op.execute("DROP TABLE known_networks")
