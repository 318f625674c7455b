"""rewards"""

from alembic import op

revision = "loyalty_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE rewards (
            invoice_id uuid CONSTRAINT pk_rewards PRIMARY KEY,
            customer_id uuid NOT NULL,
            paid bigint NOT NULL CONSTRAINT ck_rewards_paid CHECK (paid >= 0),
            given_back bigint NOT NULL CONSTRAINT ck_rewards_given_back CHECK (given_back >= 0),
            points bigint NOT NULL CONSTRAINT ck_rewards_points CHECK (points >= 0),
            version integer NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_rewards_customer ON rewards (customer_id)")


def downgrade() -> None:
    op.execute("DROP TABLE rewards")
