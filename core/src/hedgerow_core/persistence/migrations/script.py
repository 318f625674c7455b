"""What `apply` would run, as one script for psql: for who may not let a program change the schema.

It takes the same lock as `apply`, makes sure that the database is where it was when the script was written, and
stops at the first error; each revision is committed with its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from hedgerow_core.persistence.migrations.histories import ContextMigrations
from hedgerow_core.persistence.migrations.runner import HistoryState
from hedgerow_core.persistence.migrations.sql import sql_of
from hedgerow_core.persistence.migrations.waiting import DEFAULT_PATIENCE, LOCK_KEY, LOCK_TIMEOUT_MS
from hedgerow_core.persistence.roles import preparation_of, rights_of

NOTHING = "-- Nothing to migrate.\n"

_HEAD = f"""\
-- Written by `hedgerow migrate --sql`. Run it as the user that migrates: psql --file=THIS "$HEDGEROW_DATABASE_URL"
-- If it stops because of a lock, nothing of that revision is applied: have a new script written, and run that.
\\set ON_ERROR_STOP on
SET lock_timeout = '{LOCK_TIMEOUT_MS}ms';
SELECT pg_advisory_lock({LOCK_KEY});
"""
# Nothing else would stop a script from running twice, or where somebody has migrated since.
_GUARD = """\
DO $$
DECLARE
    found text;
BEGIN
    IF to_regclass('{table}') IS NOT NULL THEN
        SELECT string_agg(version_num, ', ' ORDER BY version_num) INTO found FROM {table};
    END IF;
    found := coalesce(found, 'nothing');
    IF found <> '{expected}' THEN
        RAISE EXCEPTION '{context} ({history}) is at %, and this script begins at {expected}', found
            USING HINT = 'Have a new one written: hedgerow migrate --sql';
    END IF;
END $$;"""
_TAIL = f"SELECT pg_advisory_unlock({LOCK_KEY});\n"


def script_of(
    contexts: Sequence[ContextMigrations], states: Iterable[HistoryState], *, patience: timedelta = DEFAULT_PATIENCE
) -> str:
    """The script that brings these contexts from the states they are in to what their code expects.

    Raises:
        Unwritable: a revision reads the database to know what to do.
    """
    pending = [state for state in states if state.pending]
    if not pending:
        return NOTHING
    parts = [_HEAD]
    for context in contexts:
        own = [state for state in pending if state.context == context.context]
        if not own:
            continue
        versions = [history.version_table for history in context.histories]
        parts += [f"-- {context.context}", *_ended(*preparation_of(context.context))]
        parts += [f'SET search_path TO "{context.context}";']
        for state in own:
            scripts = state.history.after(state.current)
            parts += [_guard(state)]
            parts += [each.script for each in sql_of(state.history, state.context, scripts, patience=patience)]
        parts += _ended(rights_of(context.context, versions))
    return "\n\n".join([*parts, _TAIL])


def _guard(state: HistoryState) -> str:
    return _GUARD.format(
        context=state.context,
        history=state.history.name,
        table=f'"{state.context}".{state.history.version_table}',
        expected=", ".join(sorted(state.current)) or "nothing",
    )


def _ended(*statements: str) -> list[str]:
    return [f"{statement};" for statement in statements]
