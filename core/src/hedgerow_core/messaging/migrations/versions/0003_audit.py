"""audit_entries, in the place of ledger_actions"""

from alembic import op

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None
meant = {"breaks_running_code": "from before the first release: no host has rows yet that anybody waits for"}

LEAST_DAYS = 30
"""Who has got hold of a context's role may call `forget_audit`, and must not wipe out their traces by it."""

TABLE = """
    CREATE TABLE audit_entries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        action text NOT NULL,
        result text NOT NULL,
        actor text,
        subject_kind text,
        subject_id text,
        reason text,
        affected integer,
        details jsonb NOT NULL DEFAULT '{}',
        address text,
        user_agent text,
        request_id text,
        trace_id text
    )
"""
INDEXES = (
    "CREATE INDEX audit_by_subject ON audit_entries (subject_id, id) WHERE subject_id IS NOT NULL",
    "CREATE INDEX audit_by_actor ON audit_entries (actor, id) WHERE actor IS NOT NULL",
)
MOVED = """
    INSERT INTO audit_entries (at, action, result, actor, reason, affected, details)
    SELECT at, 'ledger.' || action, 'done', actor, reason, affected, filter FROM ledger_actions ORDER BY id
"""

# Holds against everybody, also against the owner of the table, whom no grant binds.
GUARD = """
    CREATE FUNCTION refuse_to_change_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit trail is append-only: % refused', lower(TG_OP)
            USING ERRCODE = 'insufficient_privilege';
    END $$
"""
TRIGGER = """
    CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit()
"""

# Only the owner may disable the trigger, so only this function, which runs with the owner's rights, and what an
# owner does by hand can delete. It looks at the oldest rows alone, and gives up if somebody is in the way.
FORGET = """
    CREATE FUNCTION forget_audit(keep interval, at_once integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = "{schema}", pg_temp
    SET lock_timeout = '200ms'
    AS $$
    DECLARE
        forgotten integer;
    BEGIN
        IF keep < interval '{least} days' THEN
            RAISE EXCEPTION 'the audit trail is kept for {least} days at least';
        END IF;
        IF NOT EXISTS (SELECT FROM (SELECT at FROM audit_entries ORDER BY id LIMIT 1) oldest
                       WHERE at < clock_timestamp() - keep) THEN
            RETURN 0;
        END IF;
        ALTER TABLE audit_entries DISABLE TRIGGER audit_is_append_only;
        DELETE FROM audit_entries WHERE id IN (
            SELECT id FROM (SELECT id, at FROM audit_entries ORDER BY id LIMIT at_once) oldest
            WHERE at < clock_timestamp() - keep);
        GET DIAGNOSTICS forgotten = ROW_COUNT;
        ALTER TABLE audit_entries ENABLE TRIGGER audit_is_append_only;
        RETURN forgotten;
    END $$
"""


def upgrade() -> None:
    for statement in (TABLE, *INDEXES, MOVED, "DROP TABLE ledger_actions", GUARD, TRIGGER):
        op.execute(statement)
    op.execute(FORGET.format(schema=op.get_context().version_table_schema, least=LEAST_DAYS))
    op.execute("REVOKE ALL ON FUNCTION forget_audit(interval, integer) FROM PUBLIC")


def downgrade() -> None:
    raise NotImplementedError("the trail is not given up: restore a backup to go back")
