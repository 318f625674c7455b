"""The SQL of revisions, written down without running it: for who reviews it, runs it by hand, or judges it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from alembic import command
from alembic.script import Script
from alembic.util import to_tuple

from hedgerow_core.persistence.migrations.histories import MigrationHistory
from hedgerow_core.persistence.migrations.waiting import DEFAULT_PATIENCE


class Unwritable(Exception):
    """A revision whose SQL depends on what it finds when it runs."""

    def __init__(self, revision: Script, error: Exception) -> None:
        super().__init__(
            f"the SQL of {revision.revision} can't be told without running it ({type(error).__name__}: {error})\n"
            f"  fix: in {revision.path}, let SQL decide (a DO block) what Python decides now,"
            " and take the schema from op.get_context().version_table_schema"
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a revision."""

    sql: str
    in_transaction: bool = True


@dataclass(frozen=True, slots=True)
class RevisionSql:
    """All that a revision sends to PostgreSQL."""

    revision: str
    statements: tuple[Statement, ...]
    """Its own, in order."""
    script: str
    """The same for psql, with the transactions around them and the record of the version."""


def sql_of(
    history: MigrationHistory, schema: str, revisions: Sequence[Script], *, patience: timedelta = DEFAULT_PATIENCE
) -> list[RevisionSql]:
    """The SQL of these revisions.

    Raises:
        Unwritable: one of them reads the database to know what to do.
    """
    return [_written(history, schema, revision, patience) for revision in revisions]


class _Pieces(io.StringIO):
    """Takes what Alembic writes, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, piece: str) -> int:
        self.all.append(piece.strip().removesuffix(";").rstrip())
        return len(piece)


def _written(history: MigrationHistory, schema: str, revision: Script, patience: timedelta) -> RevisionSql:
    before = ",".join(to_tuple(revision.down_revision, ())) or "base"
    pieces = _Pieces()
    try:
        config = history.config(schema, output=pieces, patience=patience)
        command.upgrade(config, f"{before}:{revision.revision}", sql=True)
    except Exception as error:
        raise Unwritable(revision, error) from error
    records_version = re.compile(
        rf'(CREATE TABLE|INSERT INTO|UPDATE|DELETE FROM) "?{schema}"?\.{history.version_table}\b'
    )
    statements, script, inside = [], [f"-- {revision.revision}: {revision.doc}"], False
    for piece in pieces.all:
        if piece.startswith("-- Running"):
            continue
        if piece in ("BEGIN", "COMMIT"):
            inside = piece == "BEGIN"
        elif records_version.match(piece):
            # A history that was taken back to its beginning has kept its table.
            piece = piece.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
        else:
            statements.append(Statement(piece, inside))
        script.append(f"{piece};")
    return RevisionSql(
        revision=revision.revision,
        statements=tuple(statements),
        script="\n".join(script),
    )
