"""clients of sessions, sealed signing keys, revocations"""

from alembic import op

revision = "users_0002"
down_revision = "users_0001"
branch_labels = None
depends_on = None
meant = dict.fromkeys(
    ("scans", "many_rows", "breaks_running_code"),
    "from before the first release: no host has rows yet that anybody waits for",
)


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE sessions
            ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN user_agent text NOT NULL DEFAULT '',
            ADD COLUMN address text NOT NULL DEFAULT '',
            DROP CONSTRAINT ck_sessions_end_reason,
            ADD CONSTRAINT ck_sessions_end_reason CHECK (end_reason IN
                ('logout', 'token_reused', 'password_changed', 'revoked', 'logged_out_everywhere'))
        """
    )
    op.execute(
        """
        ALTER TABLE refresh_tokens
            ADD COLUMN used_by bytea CONSTRAINT ck_refresh_tokens_used_by CHECK (octet_length(used_by) = 32)
        """
    )
    # Keys that lay here in the clear are not kept. Access tokens that they signed must be refreshed; sessions stay.
    op.execute("DELETE FROM signing_keys")
    op.execute(
        """
        ALTER TABLE signing_keys
            DROP COLUMN private_key,
            ADD COLUMN sealed_private_key bytea NOT NULL,
            ADD COLUMN retired_at timestamptz
        """
    )
    op.execute(
        """
        CREATE TABLE revocations (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_revocations PRIMARY KEY,
            subject uuid NOT NULL,
            not_before timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
        """
    )
    op.execute("CREATE INDEX ix_revocations_recorded ON revocations (recorded_at)")


def downgrade() -> None:
    op.execute("DROP TABLE revocations")
    op.execute("DELETE FROM signing_keys")
    op.execute(
        """
        ALTER TABLE signing_keys
            DROP COLUMN sealed_private_key, DROP COLUMN retired_at, ADD COLUMN private_key bytea NOT NULL
        """
    )
    op.execute("ALTER TABLE refresh_tokens DROP COLUMN used_by")
    op.execute(
        """
        UPDATE sessions SET end_reason = 'logout' WHERE end_reason IN ('revoked', 'logged_out_everywhere')
        """
    )
    op.execute(
        """
        ALTER TABLE sessions
            DROP COLUMN last_seen_at, DROP COLUMN user_agent, DROP COLUMN address,
            DROP CONSTRAINT ck_sessions_end_reason,
            ADD CONSTRAINT ck_sessions_end_reason
                CHECK (end_reason IN ('logout', 'token_reused', 'password_changed'))
        """
    )
