"""profiles, status and confirmed addresses of accounts; links in mails"""

from alembic import op

revision = "users_0003"
down_revision = "users_0002"
branch_labels = None
depends_on = None
meant = dict.fromkeys(
    ("scans", "blocks_writes"), "from before the first release: no host has rows yet that anybody waits for"
)

REASONS_BEFORE = "'logout', 'token_reused', 'password_changed', 'revoked', 'logged_out_everywhere'"
REASONS = f"{REASONS_BEFORE}, 'roles_changed', 'account_deactivated', 'account_deleted'"


def upgrade() -> None:
    # Constant defaults, so that no row is rewritten and a build that knows nothing of the columns can still insert.
    op.execute(
        """
        ALTER TABLE accounts
            ADD COLUMN status text NOT NULL DEFAULT 'active'
                CONSTRAINT ck_accounts_status CHECK (status IN ('active', 'deactivated', 'deleted')),
            ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN verified_at timestamptz,
            ADD COLUMN phone text,
            ADD COLUMN address text,
            ADD COLUMN birthday date,
            ADD COLUMN photo_url text,
            ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
            ALTER COLUMN password_hash DROP NOT NULL
        """
    )
    op.execute("CREATE INDEX ix_accounts_created ON accounts (created_at, id)")
    op.execute("CREATE INDEX ix_accounts_name ON accounts (name, id)")
    op.execute("CREATE INDEX ix_accounts_email ON accounts (email, id)")
    op.execute(
        """
        CREATE TABLE links (
            account_id uuid NOT NULL CONSTRAINT fk_links_account REFERENCES accounts (id),
            purpose text NOT NULL CONSTRAINT ck_links_purpose
                CHECK (purpose IN ('verify_email', 'reset_password', 'change_email')),
            request_id uuid NOT NULL,
            hash bytea NOT NULL CONSTRAINT ck_links_hash CHECK (octet_length(hash) = 32),
            email text NOT NULL,
            issued_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz,
            CONSTRAINT pk_links PRIMARY KEY (account_id, purpose)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_links_hash ON links (hash)")
    _reasons_to_end(REASONS)


def downgrade() -> None:
    op.execute(f"UPDATE sessions SET end_reason = 'logout' WHERE end_reason NOT IN ({REASONS_BEFORE})")  # noqa: S608
    _reasons_to_end(REASONS_BEFORE)
    op.execute("DROP TABLE links")
    for index in ("ix_accounts_created", "ix_accounts_name", "ix_accounts_email"):
        op.execute(f"DROP INDEX {index}")
    # Who has no password hash could not log in anyway; nothing matches an empty one.
    op.execute("UPDATE accounts SET password_hash = '' WHERE password_hash IS NULL")
    op.execute(
        """
        ALTER TABLE accounts
            ALTER COLUMN password_hash SET NOT NULL,
            DROP COLUMN status,
            DROP COLUMN updated_at,
            DROP COLUMN verified_at,
            DROP COLUMN phone,
            DROP COLUMN address,
            DROP COLUMN birthday,
            DROP COLUMN photo_url,
            DROP COLUMN metadata
        """
    )


def _reasons_to_end(reasons: str) -> None:
    op.execute("ALTER TABLE sessions DROP CONSTRAINT ck_sessions_end_reason")
    op.execute(f"ALTER TABLE sessions ADD CONSTRAINT ck_sessions_end_reason CHECK (end_reason IN ({reasons}))")
