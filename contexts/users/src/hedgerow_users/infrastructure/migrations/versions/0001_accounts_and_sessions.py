"""accounts, sessions, refresh_tokens, signing_keys"""

from alembic import op

revision = "users_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE accounts (
            id uuid CONSTRAINT pk_accounts PRIMARY KEY,
            email text NOT NULL,
            name text NOT NULL,
            password_hash text NOT NULL,
            roles text[] NOT NULL,
            created_at timestamptz NOT NULL,
            version integer NOT NULL
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_accounts_email ON accounts (lower(email))")
    op.execute(
        """
        CREATE TABLE sessions (
            id uuid CONSTRAINT pk_sessions PRIMARY KEY,
            account_id uuid NOT NULL CONSTRAINT fk_sessions_account REFERENCES accounts (id),
            started_at timestamptz NOT NULL,
            ended_at timestamptz,
            end_reason text CONSTRAINT ck_sessions_end_reason
                CHECK (end_reason IN ('logout', 'token_reused', 'password_changed')),
            CONSTRAINT ck_sessions_ended_for_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_sessions_live ON sessions (account_id) WHERE ended_at IS NULL")
    op.execute(
        """
        CREATE TABLE refresh_tokens (
            hash bytea CONSTRAINT pk_refresh_tokens PRIMARY KEY
                CONSTRAINT ck_refresh_tokens_hash CHECK (octet_length(hash) = 32),
            session_id uuid NOT NULL CONSTRAINT fk_refresh_tokens_session REFERENCES sessions (id),
            issued_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz
        )
        """
    )
    op.execute(
        """
        CREATE TABLE signing_keys (
            kid text CONSTRAINT pk_signing_keys PRIMARY KEY,
            private_key bytea NOT NULL,
            created_at timestamptz NOT NULL
        )
        """
    )


def downgrade() -> None:
    for table in ("signing_keys", "refresh_tokens", "sessions", "accounts"):
        op.execute(f"DROP TABLE {table}")
