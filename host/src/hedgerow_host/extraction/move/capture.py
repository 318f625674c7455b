"""What was written: triggers that note the key of every changed row, with the transaction that changed it.

They exist during a move only. A statement that changes a thousand rows costs one more, not a thousand. The notes
are read like an outbox, by the difference of two snapshots, so that what commits late is not missed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import asyncpg

from hedgerow_core.persistence.migrations.waiting import DEFAULT_PATIENCE, LOCK_TIMEOUT_MS, PAUSE_S
from hedgerow_core.persistence.moving import EXTRACTION, WRITE_REFUSED
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move.fence import refusal
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.tables import HELD_BACK, UNFENCED, MovedTable

PREFIX = "hedgerow_extraction_"
"""How the names of our triggers begin. Statements' triggers fire in the order of their names: ours come early."""

# With the rights of their owner: whoever writes rows of a context may write nothing of ours.
_FUNCTION = """
    CREATE OR REPLACE FUNCTION {schema}."{name}"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $function$
    BEGIN
        {body}
        RETURN NULL;
    END $function$
"""
_NOTE = "INSERT INTO {log} (relation, key) SELECT '{table}', {key} FROM changed r;"
_NOTE_BOTH = """INSERT INTO {log} (relation, key)
        SELECT '{table}', {key} FROM changed r UNION SELECT '{table}', {key} FROM was r;"""
_NOT_NOW = """
    RAISE EXCEPTION '% of %.% waits: {context} is moving', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = '{state}';
"""
_EVENTS = (
    ("inserted", "INSERT", "REFERENCING NEW TABLE AS changed"),
    ("updated", "UPDATE", "REFERENCING OLD TABLE AS was NEW TABLE AS changed"),
    ("deleted", "DELETE", "REFERENCING OLD TABLE AS changed"),
)
_OURS = """
    SELECT tgname, tgrelid::regclass::text AS relation FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
    WHERE c.relnamespace = to_regnamespace($1) AND starts_with(tgname, $2) AND NOT tgisinternal
"""


def log_of(context: str) -> str:
    """The table of notes."""
    return f'{EXTRACTION}."changes_{context}"'


async def install(side: Side, context: str, tables: Sequence[MovedTable], versions: Sequence[str]) -> None:
    """Note every change from now on, and hold what can't be carried: new partitions, TRUNCATE and migrations.

    A trigger waits for whoever writes to its table at that moment; so when all are there, no change is without one.

    Raises:
        HostError: somebody held a table for too long.
    """
    log = log_of(context)
    await side.connection.execute(
        f"CREATE TABLE IF NOT EXISTS {log} (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), relation text NOT NULL,"
        " key jsonb)"
    )
    await side.connection.execute(f'CREATE INDEX IF NOT EXISTS "changes_{context}_by_xid" ON {log} (xid)')
    known = {(row["relation"], row["tgname"]) for row in await side.connection.fetch(_OURS, context, PREFIX)}
    for function in _functions(context, tables):
        await side.connection.execute(function)
    for relation, name, definition in _triggers(context, tables, versions):
        if (relation, f"{PREFIX}{name}") not in known:
            await _patiently(side, f"CREATE TRIGGER {PREFIX}{name} {definition}", relation)


async def remove(side: Side, context: str) -> None:
    """Note nothing any more, and forget what was noted.

    Raises:
        HostError: somebody held a table for too long.
    """
    for row in await side.connection.fetch(_OURS, context, PREFIX):
        await _patiently(side, f"DROP TRIGGER IF EXISTS {row['tgname']} ON {row['relation']}", row["relation"])
    functions = await side.connection.fetch(
        "SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = to_regnamespace($1)"
        " AND starts_with(proname, $2)",
        EXTRACTION,
        f"{context}.",
    )
    for function in functions:
        await side.connection.execute(f"DROP FUNCTION {function['name']}")
    await side.connection.execute(f"DROP TABLE IF EXISTS {log_of(context)}")


def _functions(context: str, tables: Sequence[MovedTable]) -> Iterator[str]:
    def function(name: str, body: str) -> str:
        return _FUNCTION.format(schema=EXTRACTION, name=f"{context}.{name}", body=body)

    refused = refusal(context)
    not_now = _NOT_NOW.format(context=context, state=WRITE_REFUSED)
    yield function("waits", not_now)
    # The ledger's housekeeping takes this error for somebody who is in its way, and comes again a minute later.
    yield function("held_back", _NOT_NOW.format(context=context, state="55P03"))
    for table in tables:
        guard = "" if table.name in UNFENCED else refused
        key = table.key_of("r") if table.key else "NULL::jsonb"
        parts = {"log": log_of(context), "table": table.name, "key": key}
        yield function(f"{table.name}.changed", guard + _NOTE.format(**parts))
        yield function(f"{table.name}.updated", guard + _NOTE_BOTH.format(**parts))


def _triggers(
    context: str, tables: Sequence[MovedTable], versions: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Relation, name and definition of each. Whoever writes to a partition itself fires its triggers alone."""
    for table in tables:
        for name in (table.name, *table.leaves):
            relation = f"{context}.{name}"
            for event, verb, given in _EVENTS:
                does = f"{table.name}.{'updated' if event == 'updated' else 'changed'}"
                definition = (
                    f"AFTER {verb} ON {_quoted(context, name)} {given} FOR EACH STATEMENT EXECUTE FUNCTION "
                    f'{EXTRACTION}."{context}.{does}"()'
                )
                yield relation, event, definition
            yield relation, "truncated", _statement("TRUNCATE", context, name, "waits")
        if table.name in HELD_BACK:
            yield (
                f"{context}.{table.name}",
                "held_back",
                _statement("INSERT OR UPDATE OR DELETE", context, table.name, "held_back"),
            )
    for name in versions:
        yield f"{context}.{name}", "held_back", _statement("INSERT OR UPDATE OR DELETE", context, name, "waits")


def _statement(verb: str, context: str, table: str, does: str) -> str:
    return (
        f"BEFORE {verb} ON {_quoted(context, table)} FOR EACH STATEMENT EXECUTE FUNCTION "
        f'{EXTRACTION}."{context}.{does}"()'
    )


def _quoted(context: str, table: str) -> str:
    return f'"{context}"."{table}"'


async def _patiently(side: Side, statement: str, relation: str) -> None:
    """Wait for a moment only, and give way: everybody else who wants the table waits behind us."""
    give_up_at = time.monotonic() + DEFAULT_PATIENCE.total_seconds()
    while True:
        try:
            async with side.connection.transaction():
                await side.connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
                await side.connection.execute(statement)
                return
        except asyncpg.LockNotAvailableError:
            if time.monotonic() > give_up_at:
                raise HostError(
                    f"{relation} at {side.place} has been held by others for "
                    f"{DEFAULT_PATIENCE.total_seconds():.0f} s",
                    fix="pg_stat_activity says who; wait for their transactions to end, then run this again",
                    code=ExitCode.CHECK_FAILED,
                ) from None
            await asyncio.sleep(PAUSE_S)
