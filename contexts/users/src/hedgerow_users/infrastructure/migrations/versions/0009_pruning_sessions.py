"""indexes by which sessions and refresh tokens are pruned"""

from alembic import op

revision = "users_0009"
down_revision = "users_0008"
branch_labels = None
depends_on = None
meant = dict.fromkeys(
    ("blocks_writes", "many_rows"), "from before the first release: no host has rows yet that anybody waits for"
)


def upgrade() -> None:
    op.execute("CREATE INDEX ix_sessions_account ON sessions (account_id)")
    op.execute("CREATE INDEX ix_sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL")
    op.execute("CREATE INDEX ix_sessions_started ON sessions (started_at)")
    op.execute("CREATE INDEX ix_refresh_tokens_session ON refresh_tokens (session_id)")
    op.execute("CREATE INDEX ix_refresh_tokens_expires ON refresh_tokens (expires_at)")
    # Accounts that were deleted before this build existed: their sessions forget where they were used from, too.
    op.execute(
        """
        UPDATE sessions SET user_agent = '', address = ''
        FROM accounts WHERE accounts.id = sessions.account_id AND accounts.status = 'deleted'
        """
    )


def downgrade() -> None:
    for index in (
        *("ix_sessions_account", "ix_sessions_ended", "ix_sessions_started"),
        *("ix_refresh_tokens_session", "ix_refresh_tokens_expires"),
    ):
        op.execute(f"DROP INDEX {index}")
