"""Builds that migrate wrongly on purpose; see `mutants`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from hedgerow_core.persistence.migrations import runner, waiting


def migrates_without_lock() -> None:
    """Whoever comes migrates."""
    waiting._TAKE = text("SELECT true OR :key IS NULL")
    waiting._RELEASE = text("SELECT :key IS NULL")


def commits_each_statement() -> None:
    """A revision and its version are no transaction."""
    sound = runner._run

    def run(connection: Connection, *rest: Any) -> None:
        sound(connection.execution_options(isolation_level="AUTOCOMMIT"), *rest)

    runner._run = run


MIGRATION_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant for mutant in (migrates_without_lock, commits_each_statement)
}
