"""Looks at the migrations that a context brings, without a database: whether they make one history.

Most make one line, which a server that starts sees without running them. What is wrong otherwise, Alembic knows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import MigrationHistory
from hedgerow_host.loading import LoadedContext
from hedgerow_host.problems import CompositionError, Problem


def unsound_migrations(context: LoadedContext, *, run: bool = False) -> list[Problem]:
    """What is wrong with the history of a context, if it has one. `run` its scripts even if they make one line."""
    try:
        history: MigrationHistory | None = context.call("migrations")
        if history is None:
            return []
        found = context.judged("its migrations cannot be read", lambda: list(_wrong_in(history, run=run)))
    except CompositionError as error:
        return list(error.problems)
    return [context.installed.problem(what, fix, place) for what, fix, place in found]


def head_of(history: MigrationHistory) -> str | None:
    """The newest revision."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(history.folder.parent), version_locations=[history.folder]).get_current_head()


def _wrong_in(history: MigrationHistory, *, run: bool) -> Iterator[tuple[str, str, str]]:
    """What is wrong, the fix, and where."""
    if history.version_table == LEDGER.version_table:
        yield (
            f"its migrations are counted in {history.version_table}, where the ledger counts its own",
            "leave `version_table` out",
            history.package,
        )
    try:
        folder = history.folder
    except ModuleNotFoundError as error:
        fix = "correct the package in the hook `migrations`, and ship it: it needs an __init__.py"
        yield f"its migrations are not there: {error}", fix, history.package
        return
    if not any(folder.glob("*.py")):
        fix = "put the scripts there, or leave the hook `migrations` out"
        yield "its migrations hold no script", fix, str(folder)
        return
    if run or history.plain_head is None:
        yield from _wrong_between(folder)


def _wrong_between(folder: Path) -> Iterator[tuple[str, str, str]]:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(str(folder.parent), version_locations=[folder])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            heads, bases = scripts.get_heads(), scripts.get_bases()
        except (CommandError, KeyError) as error:
            yield f"its migrations make no history: {error}", "mend their `down_revision`", str(folder)
            return
    for message in dict.fromkeys(str(one.message) for one in told if "revision" in str(one.message).lower()):
        yield f"its migrations contradict each other: {message}", "give each revision an id of its own", str(folder)
    if len(heads) > 1:
        yield (
            f"its migrations have {len(heads)} heads: {', '.join(sorted(heads))}",
            "let one of them follow the other: set its `down_revision`",
            str(folder),
        )
    if len(bases) > 1:
        yield (
            f"its migrations begin {len(bases)} times: {', '.join(sorted(bases))}",
            "let one of them follow the other: set its `down_revision`",
            str(folder),
        )
