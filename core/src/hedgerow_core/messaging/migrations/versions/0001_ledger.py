"""outbox, deliveries, delivery_partitions, feed_cursors"""

from alembic import op

revision = "ledger_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Partitioned by id, so that retention can drop whole partitions; until ranges are cut, all rows lie in
    # the default partition.
    op.execute(
        """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            event_id uuid NOT NULL,
            type text NOT NULL,
            version integer NOT NULL,
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            aggregate_version integer NOT NULL,
            payload jsonb NOT NULL,
            occurred_at timestamptz NOT NULL,
            traceparent text,
            causation_id uuid,
            correlation_id text,
            actor text
        ) PARTITION BY RANGE (id)
        """
    )
    op.execute("CREATE TABLE outbox_default PARTITION OF outbox DEFAULT")
    op.execute("CREATE INDEX outbox_by_transaction ON outbox (xid, id)")
    op.execute("CREATE SEQUENCE task_position")
    op.execute(
        """
        CREATE TABLE deliveries (
            event_id uuid NOT NULL,
            subscription text NOT NULL,
            publisher text NOT NULL,
            position bigint NOT NULL,
            ordering_key text NOT NULL,
            partition smallint NOT NULL,
            type text NOT NULL,
            version integer NOT NULL,
            aggregate_type text,
            aggregate_id uuid,
            aggregate_version integer,
            payload jsonb NOT NULL,
            occurred_at timestamptz NOT NULL,
            traceparent text,
            causation_id uuid,
            correlation_id text,
            actor text,
            state text NOT NULL DEFAULT 'pending' CONSTRAINT deliveries_state CHECK (state IN
                ('pending', 'processing', 'retry_wait', 'completed', 'dead', 'parked', 'discarded')),
            attempts integer NOT NULL DEFAULT 0,
            next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            token bigint,
            owner text,
            reason text,
            errors jsonb NOT NULL DEFAULT '[]',
            received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            completed_at timestamptz,
            PRIMARY KEY (event_id, subscription)
        )
        """
    )
    op.execute(
        """
        CREATE INDEX deliveries_in_order ON deliveries (subscription, partition, position)
        WHERE state IN ('pending', 'processing', 'retry_wait')
        """
    )
    op.execute(
        """
        CREATE INDEX deliveries_by_key ON deliveries (subscription, ordering_key, position)
        WHERE state IN ('pending', 'processing', 'retry_wait', 'dead', 'parked')
        """
    )
    op.execute(
        """
        CREATE INDEX deliveries_waiting ON deliveries (subscription, ordering_key, position)
        WHERE state = 'retry_wait'
        """
    )
    op.execute(
        """
        CREATE INDEX deliveries_dead ON deliveries (subscription, ordering_key, position)
        WHERE state = 'dead'
        """
    )
    op.execute(
        """
        CREATE TABLE delivery_partitions (
            subscription text NOT NULL,
            partition smallint NOT NULL,
            token bigint NOT NULL DEFAULT 0,
            owner text,
            expires_at timestamptz NOT NULL DEFAULT '-infinity',
            PRIMARY KEY (subscription, partition)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE feed_cursors (
            publisher text NOT NULL,
            subscription text NOT NULL,
            snapshot text NOT NULL,
            target text,
            after_id bigint NOT NULL DEFAULT 0,
            system_identifier bigint NOT NULL,
            holder text,
            term bigint NOT NULL DEFAULT 0,
            expires_at timestamptz NOT NULL DEFAULT '-infinity',
            PRIMARY KEY (publisher, subscription)
        )
        """
    )

    op.execute(
        """
        CREATE TABLE ledger_actions (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            action text NOT NULL,
            actor text NOT NULL,
            reason text NOT NULL,
            filter jsonb NOT NULL,
            affected integer NOT NULL
        )
        """
    )


def downgrade() -> None:
    for table in ("ledger_actions", "feed_cursors", "delivery_partitions", "deliveries", "outbox"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP SEQUENCE task_position")
