"""endpoints, secrets, messages, attempts, owners"""

from alembic import op

revision = "webhooks_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE owners (
            id uuid CONSTRAINT pk_owners PRIMARY KEY,
            standing text NOT NULL
                CONSTRAINT ck_owners_standing CHECK (standing IN ('active', 'deactivated', 'deleted')),
            version integer NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE endpoints (
            id uuid CONSTRAINT pk_endpoints PRIMARY KEY,
            owner_id uuid NOT NULL,
            url text NOT NULL CONSTRAINT ck_endpoints_url CHECK (length(url) <= 1024),
            events text[] NOT NULL CONSTRAINT ck_endpoints_events CHECK (cardinality(events) BETWEEN 1 AND 100),
            description text NOT NULL CONSTRAINT ck_endpoints_description CHECK (length(description) <= 200),
            status text NOT NULL
                CONSTRAINT ck_endpoints_status CHECK (status IN ('enabled', 'disabled', 'failing', 'gone')),
            failures integer NOT NULL DEFAULT 0,
            failing_since timestamptz,
            resting_until timestamptz,
            version integer NOT NULL,
            created_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_endpoints_owner ON endpoints (owner_id, created_at DESC, id DESC)")
    op.execute("CREATE INDEX ix_endpoints_created ON endpoints (created_at DESC, id DESC)")
    op.execute(
        """
        CREATE TABLE endpoint_secrets (
            id uuid CONSTRAINT pk_endpoint_secrets PRIMARY KEY,
            endpoint_id uuid NOT NULL
                CONSTRAINT fk_endpoint_secrets_endpoint REFERENCES endpoints (id) ON DELETE CASCADE,
            sealed bytea NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX ix_endpoint_secrets_endpoint ON endpoint_secrets (endpoint_id, created_at)")
    op.execute(
        """
        CREATE TABLE messages (
            id uuid CONSTRAINT pk_messages PRIMARY KEY,
            endpoint_id uuid NOT NULL
                CONSTRAINT fk_messages_endpoint REFERENCES endpoints (id) ON DELETE CASCADE,
            webhook_id uuid NOT NULL,
            type text NOT NULL,
            body text NOT NULL,
            status text NOT NULL
                CONSTRAINT ck_messages_status CHECK (status IN ('pending', 'delivered', 'failed')),
            run integer NOT NULL DEFAULT 1,
            tries integer NOT NULL DEFAULT 0,
            attempts integer NOT NULL DEFAULT 0,
            last_status integer,
            last_failure text,
            next_attempt_at timestamptz,
            created_at timestamptz NOT NULL,
            CONSTRAINT uq_messages_event UNIQUE (endpoint_id, webhook_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_messages_endpoint ON messages (endpoint_id, created_at DESC, id DESC)")
    op.execute("CREATE INDEX ix_messages_created ON messages (created_at)")
    op.execute(
        """
        CREATE TABLE attempts (
            message_id uuid NOT NULL CONSTRAINT fk_attempts_message REFERENCES messages (id) ON DELETE CASCADE,
            number integer NOT NULL,
            at timestamptz NOT NULL,
            duration_ms integer NOT NULL,
            status integer,
            failure text,
            answer text NOT NULL CONSTRAINT ck_attempts_answer CHECK (length(answer) <= 1024),
            CONSTRAINT pk_attempts PRIMARY KEY (message_id, number)
        )
        """
    )


def downgrade() -> None:
    for table in ("attempts", "messages", "endpoint_secrets", "endpoints", "owners"):
        op.execute(f"DROP TABLE {table}")
