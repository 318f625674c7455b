"""Single reads by the short way: a statement is compiled once, and then only its parameters travel.

SQLAlchemy finds its cached text anew for each execution, and surrounds it with a connection, a transaction, a
result and three switches between tasks: 250 µs of processor time around 70 µs of driver. What stays SQLAlchemy's is
all that knows something: the dialect's text, types, prepared statements, errors, and the pool with its rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Row, Select
from sqlalchemy.engine import result_tuple
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import greenlet_spawn

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ShortRead:
    """A compiled statement that is executed as it is."""

    sql: str
    given: Sequence[tuple[str, Convert | None]]
    """The parameters, in the order in which they are sent, and how each is converted."""
    known: Mapping[str, Any]
    """Those whose values stand in the statement."""
    converted: Sequence[tuple[int, Convert]]
    """The columns that the driver gives back as something else, and how they become what they are."""
    row: Callable[[Sequence[Any]], Row[Any]]

    async def rows(self, engine: AsyncEngine, parameters: Mapping[str, object]) -> list[Row[Any]]:
        """Execute it on a connection of the pool, outside any transaction.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
            sqlalchemy.exc.TimeoutError: no connection came free in time.
            KeyError: a parameter is missing.
        """
        values = tuple(
            [
                convert(value) if convert is not None and value is not None else value
                for name, convert in self.given
                for value in (parameters[name] if name in parameters else self.known[name],)
            ]
        )
        found = await greenlet_spawn(self._fetched, engine, values)
        if not self.converted:
            return [self.row(tuple(record)) for record in found]
        return [self.row(self._as_they_are(record)) for record in found]

    def _as_they_are(self, record: Sequence[Any]) -> list[Any]:
        values = list(record)
        for place, convert in self.converted:
            values[place] = convert(values[place])
        return values

    def _fetched(self, engine: AsyncEngine, values: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        """Runs where SQLAlchemy's own synchronous code does."""
        dialect = engine.sync_engine.dialect
        failures = dialect.loaded_dbapi.Error
        try:
            pooled = engine.sync_engine.raw_connection()
        except failures as error:
            raise _told(error, dialect, self.sql, gone=dialect.is_disconnect(error, None, None)) from error
        connection: Any = pooled.dbapi_connection
        try:
            connection.autocommit = True
            try:
                cursor = pooled.cursor()
                cursor.execute(self.sql, values)
                return cursor.fetchall()
            finally:
                connection.autocommit = False
        except failures as error:
            gone = dialect.is_disconnect(error, connection, None)
            if gone:
                pooled.invalidate(error)
            raise _told(error, dialect, self.sql, gone=gone) from error
        except Exception:
            raise
        except BaseException as error:  # given up in the middle: nobody knows what the connection still has to say
            pooled.invalidate(error)
            raise
        finally:
            pooled.close()


def short_read(statement: Select[Any], dialect: Dialect) -> ShortRead | None:
    """The statement, compiled; None if it has something that is only known when it is executed."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what a select becomes
    if compiled.post_compile_params or compiled.literal_execute_params or compiled.positiontup is None:
        return None
    columns = statement.selected_columns
    conversions = [_of_column(column.type, dialect) for column in columns]
    return ShortRead(
        sql=str(compiled),
        given=[(name, _of_parameter(compiled.binds[name].type, dialect)) for name in compiled.positiontup],
        known={name: compiled.params[name] for name in compiled.positiontup if not compiled.binds[name].required},
        converted=[(place, convert) for place, convert in enumerate(conversions) if convert is not None],
        row=result_tuple([str(column.key) for column in columns]),
    )


def _of_column(kind: Any, dialect: Dialect) -> Convert | None:
    convert: Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return convert


def _of_parameter(kind: Any, dialect: Dialect) -> Convert | None:
    convert: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _told(error: Any, dialect: Dialect, sql: str, *, gone: bool) -> BaseException:
    """The error as SQLAlchemy tells it, without what was sent."""
    told: BaseException = DBAPIError.instance(
        sql,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=gone,
        dialect=dialect,
    )
    return told
