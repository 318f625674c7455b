"""customers change and leave: each fact with the version of the user that told it"""

from alembic import op

revision = "billing_0003"
down_revision = "billing_0002"
branch_labels = None
depends_on = None
meant = dict.fromkeys(
    ("scans", "many_rows"), "from before the first release: no host has rows yet that anybody waits for"
)


def upgrade() -> None:
    # A fact may come before the registration does, and what is personal goes with the account.
    for column in ("email", "name", "registered_at"):
        op.execute(f"ALTER TABLE customers ALTER {column} DROP NOT NULL")
    op.execute(
        """
        ALTER TABLE customers
            ADD email_version integer NOT NULL DEFAULT 0,
            ADD name_version integer NOT NULL DEFAULT 0,
            ADD standing text NOT NULL DEFAULT 'active'
                CONSTRAINT ck_customers_standing CHECK (standing IN ('active', 'deactivated', 'deleted')),
            ADD standing_version integer NOT NULL DEFAULT 0,
            ADD CONSTRAINT ck_customers_forgotten
                CHECK (standing <> 'deleted' OR num_nonnulls(email, name, registered_at) = 0)
        """
    )
    op.execute("UPDATE customers SET email_version = version, name_version = version")


def downgrade() -> None:
    op.execute("DELETE FROM customers WHERE num_nulls(email, name, registered_at) > 0")
    op.execute(
        """
        ALTER TABLE customers
            DROP CONSTRAINT ck_customers_forgotten,
            DROP email_version, DROP name_version, DROP standing, DROP standing_version
        """
    )
    for column in ("email", "name", "registered_at"):
        op.execute(f"ALTER TABLE customers ALTER {column} SET NOT NULL")
