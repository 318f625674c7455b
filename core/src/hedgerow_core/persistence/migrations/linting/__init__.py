"""Which statements of a migration a running host would feel. Needs `hedgerow-core[lint]` (postgast)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.script import Script

from hedgerow_core.persistence.migrations.histories import MigrationHistory
from hedgerow_core.persistence.migrations.linting import rules
from hedgerow_core.persistence.migrations.linting.rules import RULES, Unsafe
from hedgerow_core.persistence.migrations.sql import Unwritable, sql_of

if TYPE_CHECKING:
    from hedgerow_core.persistence.migrations.linting.judge import Judge

__all__ = ["RULES", "Unsafe", "unsafe_statements"]

_SCHEMA = "schema"
"""Any: no rule asks for it."""


def unsafe_statements(history: MigrationHistory, *, pending: Collection[str] = ()) -> list[Unsafe]:
    """What a running host would feel of a history's revisions, meant or not.

    Each is judged as if it came to a database that is in use: only what it creates itself is empty. `pending`
    narrows it to revisions that run together: what one of them creates is empty for those after it, too.

    Raises:
        ModuleNotFoundError: postgast is not installed.
    """
    from hedgerow_core.persistence.migrations.linting.judge import Judge

    judge, found, in_one_go = Judge(), [], False
    for script in history.revisions:
        if not (in_one_go and script.revision in pending):
            judge.forget_tables()
        in_one_go = script.revision in pending
        told = list(_of_revision(judge, history, script))
        found += told if in_one_go or not pending else []
    return found


def _of_revision(judge: Judge, history: MigrationHistory, script: Script) -> Iterator[Unsafe]:
    path, meant = Path(script.path), getattr(script.module, "meant", {})
    for name, reason in meant.items():
        if name not in RULES or not reason:
            yield Unsafe(rules.UNKNOWN_EXEMPTION, script.revision, path, f"meant = {meant}", "it", None)
    try:
        (revision,) = sql_of(history, _SCHEMA, [script])
    except Unwritable:
        yield Unsafe(rules.HIDES, script.revision, path, "reads the database", "it", meant.get(rules.HIDES.name))
        return
    for sql, (rule, table) in judge.judge(revision):
        yield Unsafe(rule, script.revision, path, " ".join(sql.split()), table, meant.get(rule.name))
