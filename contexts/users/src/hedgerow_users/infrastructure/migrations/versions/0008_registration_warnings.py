"""registration_warnings"""

from alembic import op

revision = "users_0008"
down_revision = "users_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE registration_warnings (
            account_id uuid CONSTRAINT pk_registration_warnings PRIMARY KEY
                CONSTRAINT fk_registration_warnings_account REFERENCES accounts (id),
            request_id uuid NOT NULL,
            warned_at timestamptz NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE registration_warnings")
