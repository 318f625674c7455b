"""second_factors, recovery_codes; which sessions have proven one; links that log in"""

from alembic import op

revision = "users_0007"
down_revision = "users_0006"
branch_labels = None
depends_on = None
meant = {"scans": "from before the first release: no host has rows yet that anybody waits for"}

REASONS_BEFORE = (
    "'logout', 'token_reused', 'password_changed', 'revoked', 'logged_out_everywhere', 'roles_changed', "
    "'account_deactivated', 'account_deleted'"
)
REASONS = f"{REASONS_BEFORE}, 'second_factor_changed'"
PURPOSES_BEFORE = "'verify_email', 'reset_password', 'change_email'"
PURPOSES = f"{PURPOSES_BEFORE}, 'log_in'"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE second_factors (
            account_id uuid CONSTRAINT pk_second_factors PRIMARY KEY
                CONSTRAINT fk_second_factors_account REFERENCES accounts (id),
            sealed_secret bytea NOT NULL,
            begun_at timestamptz NOT NULL,
            confirmed_at timestamptz,
            last_step bigint,
            CONSTRAINT ck_second_factors_confirmed_by_a_code CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
        )
        """
    )
    op.execute(
        """
        CREATE TABLE recovery_codes (
            account_id uuid NOT NULL CONSTRAINT fk_recovery_codes_second_factor
                REFERENCES second_factors (account_id) ON DELETE CASCADE,
            hash bytea NOT NULL CONSTRAINT ck_recovery_codes_hash CHECK (octet_length(hash) = 32),
            used_at timestamptz,
            CONSTRAINT pk_recovery_codes PRIMARY KEY (account_id, hash)
        )
        """
    )
    # A constant default, so that no row is rewritten, and that a build that knows nothing of it can still insert.
    op.execute("ALTER TABLE sessions ADD COLUMN proven boolean NOT NULL DEFAULT false")
    _reasons_to_end(REASONS)
    _purposes_of_links(PURPOSES)


def downgrade() -> None:
    op.execute("DELETE FROM links WHERE purpose = 'log_in'")
    _purposes_of_links(PURPOSES_BEFORE)
    op.execute("UPDATE sessions SET end_reason = 'revoked' WHERE end_reason = 'second_factor_changed'")
    _reasons_to_end(REASONS_BEFORE)
    op.execute("ALTER TABLE sessions DROP COLUMN proven")
    op.execute("DROP TABLE recovery_codes")
    op.execute("DROP TABLE second_factors")


def _reasons_to_end(reasons: str) -> None:
    op.execute("ALTER TABLE sessions DROP CONSTRAINT ck_sessions_end_reason")
    op.execute(f"ALTER TABLE sessions ADD CONSTRAINT ck_sessions_end_reason CHECK (end_reason IN ({reasons}))")


def _purposes_of_links(purposes: str) -> None:
    op.execute("ALTER TABLE links DROP CONSTRAINT ck_links_purpose")
    op.execute(f"ALTER TABLE links ADD CONSTRAINT ck_links_purpose CHECK (purpose IN ({purposes}))")
