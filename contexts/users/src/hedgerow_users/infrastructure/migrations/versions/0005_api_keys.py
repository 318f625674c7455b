"""services, api_keys"""

from alembic import op

revision = "users_0005"
down_revision = "users_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE services (
            id uuid CONSTRAINT pk_services PRIMARY KEY,
            name text NOT NULL,
            created_at timestamptz NOT NULL,
            revoked_at timestamptz
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX uq_services_name ON services (name) WHERE revoked_at IS NULL")
    op.execute(
        """
        CREATE TABLE api_keys (
            id uuid CONSTRAINT pk_api_keys PRIMARY KEY,
            public_id text NOT NULL CONSTRAINT uq_api_keys_public_id UNIQUE
                CONSTRAINT ck_api_keys_public_id CHECK (length(public_id) = 8),
            hash bytea NOT NULL CONSTRAINT ck_api_keys_hash CHECK (octet_length(hash) = 32),
            account_id uuid CONSTRAINT fk_api_keys_account REFERENCES accounts (id),
            service_id uuid CONSTRAINT fk_api_keys_service REFERENCES services (id),
            name text NOT NULL,
            scopes text[] NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            last_used_at timestamptz,
            revoked_at timestamptz,
            rotated_from uuid CONSTRAINT fk_api_keys_rotated_from REFERENCES api_keys (id)
                CONSTRAINT uq_api_keys_rotated_from UNIQUE,
            CONSTRAINT ck_api_keys_one_owner CHECK (num_nonnulls(account_id, service_id) = 1),
            CONSTRAINT ck_api_keys_end CHECK (expires_at <= created_at + interval '367 days')
        )
        """
    )
    op.execute("CREATE INDEX ix_api_keys_account ON api_keys (account_id, created_at) WHERE revoked_at IS NULL")
    op.execute("CREATE INDEX ix_api_keys_service ON api_keys (service_id) WHERE revoked_at IS NULL")


def downgrade() -> None:
    op.execute("DROP TABLE api_keys")
    op.execute("DROP TABLE services")
