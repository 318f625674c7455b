"""outbox ranges, feed_consumers, schedules, paused subscriptions"""

from alembic import op

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None
meant = dict.fromkeys(
    ("blocks_writes", "breaks_running_code", "hides"),
    "from before the first release: no host has rows yet that anybody waits for",
)

SMALLEST_RANGE = 10_000
HEADROOM = 1_000
"""A new range begins at least this many ids ahead. A statement that runs while it is attached still takes it for
part of the default partition, which would refuse the row: no statement of ours draws that many ids."""
LARGEST_RANGE = 1_000_000

TABLES = (
    """
    CREATE TABLE outbox_ranges (
        from_id bigint PRIMARY KEY,
        until_id bigint NOT NULL,
        cut_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        filled_at timestamptz
    )
    """,
    """
    CREATE TABLE outbox_retirements (
        from_id bigint NOT NULL,
        until_id bigint NOT NULL,
        through xid8 NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE feed_consumers (
        consumer text PRIMARY KEY,
        passed xid8 NOT NULL,
        reported_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE schedules (
        name text PRIMARY KEY,
        definition text NOT NULL,
        next_at timestamptz NOT NULL,
        last_at timestamptz
    )
    """,
    """
    CREATE TABLE paused_subscriptions (
        subscription text PRIMARY KEY,
        actor text NOT NULL,
        reason text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "ALTER TABLE feed_cursors ADD COLUMN since timestamptz, ADD COLUMN expired_at timestamptz",
    "ALTER TABLE deliveries ADD COLUMN skipped_at timestamptz",
    """
    CREATE INDEX deliveries_completed ON deliveries (subscription, completed_at)
    WHERE state = 'completed'
    """,
)

# The functions run with the rights of the schema's owner, because a context's role may not drop tables.
# They give up after a moment when somebody is in the way: whoever calls them calls again a minute later.
RIGHTS = """
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = "{schema}", pg_temp
    SET lock_timeout = '200ms'
"""

# One empty range always lies ahead. A range is meant to hold a day of events: its size follows the time that the
# range before the last one took to fill. What outruns the ranges falls into the default partition.
CUT = """
    CREATE FUNCTION cut_outbox() RETURNS boolean {rights} AS $$
    DECLARE
        newest outbox_ranges;
        filled outbox_ranges;
        used bigint := coalesce((SELECT last_value FROM outbox_id_seq WHERE is_called), 0);
        size bigint := {smallest};
        lower_end bigint;
    BEGIN
        UPDATE outbox_ranges SET filled_at = clock_timestamp() WHERE filled_at IS NULL AND until_id <= used;
        SELECT * INTO newest FROM outbox_ranges ORDER BY from_id DESC LIMIT 1;
        IF used < newest.from_id THEN
            RETURN false;
        END IF;
        SELECT * INTO filled FROM outbox_ranges WHERE from_id < newest.from_id ORDER BY from_id DESC LIMIT 1;
        IF FOUND THEN
            size := least({largest}, greatest({smallest}, (filled.until_id - filled.from_id) * 86400
                / greatest(1, extract(epoch FROM clock_timestamp() - newest.cut_at))))::bigint;
        END IF;
        LOCK TABLE outbox_default IN ACCESS EXCLUSIVE MODE;
        SELECT greatest(newest.until_id, last_value + {headroom}) INTO lower_end FROM outbox_id_seq;
        EXECUTE format('CREATE TABLE outbox_%s (LIKE outbox INCLUDING DEFAULTS INCLUDING INDEXES)', lower_end);
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION outbox_%s FOR VALUES FROM (%s) TO (%s)',
            lower_end, lower_end, lower_end + size);
        INSERT INTO outbox_ranges (from_id, until_id) VALUES (lower_end, lower_end + size);
        RETURN true;
    END $$
"""

# A consumer that has reported within the window holds what it has not passed. One that was silent for longer does
# not; it finds out from report_feed_position that it missed something.
RETIRE = """
    CREATE FUNCTION retire_outbox(keep interval) RETURNS integer {rights} AS $$
    DECLARE
        held xid8 := (SELECT min(passed) FROM feed_consumers WHERE reported_at > clock_timestamp() - keep);
        old outbox_ranges;
        newest_xid xid8;
        retired integer := 0;
    BEGIN
        FOR old IN SELECT * FROM outbox_ranges WHERE filled_at < clock_timestamp() - keep ORDER BY from_id LOOP
            LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('SELECT max(xid) FROM outbox_%s', old.from_id) INTO newest_xid;
            EXIT WHEN newest_xid >= held;
            EXECUTE format('DROP TABLE outbox_%s', old.from_id);
            DELETE FROM outbox_ranges WHERE from_id = old.from_id;
            INSERT INTO outbox_retirements (from_id, until_id, through)
            VALUES (old.from_id, old.until_id, coalesce(newest_xid, '0'));
            retired := retired + 1;
        END LOOP;
        IF EXISTS (SELECT FROM outbox_default) AND NOT EXISTS (
            SELECT FROM outbox_default WHERE xid >= held OR occurred_at > clock_timestamp() - keep)
        THEN
            LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE;
            IF NOT EXISTS (
                SELECT FROM outbox_default WHERE xid >= held OR occurred_at > clock_timestamp() - keep)
            THEN
                INSERT INTO outbox_retirements (from_id, until_id, through)
                SELECT min(id), max(id) + 1, max(xid) FROM outbox_default;
                TRUNCATE outbox_default;
                retired := retired + 1;
            END IF;
        END IF;
        RETURN retired;
    END $$
"""

REPORT = """
    CREATE FUNCTION report_feed_position(consumer text, passed xid8) RETURNS boolean {rights} AS $$
    BEGIN
        INSERT INTO feed_consumers AS known (consumer, passed) VALUES ($1, $2)
        ON CONFLICT ON CONSTRAINT feed_consumers_pkey DO UPDATE SET passed = $2, reported_at = clock_timestamp();
        RETURN NOT EXISTS (SELECT FROM outbox_retirements WHERE through >= $2);
    END $$
"""

FUNCTIONS = ("cut_outbox()", "retire_outbox(interval)", "report_feed_position(text, xid8)")


# What was written so far becomes the first range.
FIRST_RANGE = """
    DO $$
    DECLARE
        until_id bigint := (SELECT coalesce(max(id), 0) FROM outbox) + {smallest};
    BEGIN
        ALTER TABLE outbox DETACH PARTITION outbox_default;
        ALTER TABLE outbox_default RENAME TO outbox_0;
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION outbox_0 FOR VALUES FROM (0) TO (%s)', until_id);
        CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
        INSERT INTO outbox_ranges (from_id, until_id) VALUES (0, until_id);
    END $$
"""


def upgrade() -> None:
    rights = RIGHTS.format(schema=op.get_context().version_table_schema)
    sizes = {"smallest": SMALLEST_RANGE, "largest": LARGEST_RANGE, "headroom": HEADROOM}
    for statement in TABLES:
        op.execute(statement)
    for function in (CUT, RETIRE, REPORT):
        op.execute(function.format(rights=rights, **sizes))
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    op.execute(FIRST_RANGE.format(**sizes))
    op.execute("SELECT cut_outbox()")


def downgrade() -> None:
    raise NotImplementedError("events lie in ranges by now: restore a backup to go back")
