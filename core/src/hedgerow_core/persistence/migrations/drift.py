"""Holds schemas against what their migrations make of an empty database: whatever differs, somebody did by hand.

It needs nothing of a context but its migrations, so it is as good for one of somebody else. Partitions are made and
dropped while a host runs, so they are left out; rights are given anew by each run of the migrations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.migrations.histories import ContextMigrations
from hedgerow_core.persistence.migrations.runner import MigrationRunner
from hedgerow_core.persistence.migrations.schema_objects import SchemaObject, schema_objects
from hedgerow_core.persistence.migrations.scratch import scratch_database
from hedgerow_core.persistence.owner import owner_connection


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that is not what the migrations make; None where it is missing."""

    made: SchemaObject | None
    found: SchemaObject | None

    @property
    def either(self) -> SchemaObject:
        """The object, as one of the two has it."""
        either = self.made or self.found
        assert either is not None  # noqa: S101 - there would be no difference
        return either

    @property
    def is_one_sided(self) -> bool:
        """Whether it is missing, or too much."""
        return self.made is None or self.found is None


@dataclass(frozen=True, slots=True)
class Drift:
    """What came of the comparison of one context."""

    context: str
    differences: tuple[Difference, ...] = ()
    failure: Exception | None = None
    """Why its migrations could not be run on an empty database, if they couldn't."""


async def drift_of(address: DatabaseAddress, contexts: Sequence[ContextMigrations]) -> list[Drift]:
    """Compare the schemas of these contexts, which are migrated to their newest revisions. Changes nothing in them.

    Makes a database on the same server, and drops it. The user needs the right to do so.

    Raises:
        UnavailableError: the database is away.
    """
    found: list[Drift] = []
    async with scratch_database(address, [each.context for each in contexts]) as scratch:
        for context in contexts:
            try:
                await MigrationRunner(scratch, [context]).apply()
            except UnavailableError:
                raise
            except Exception as error:
                found.append(Drift(context.context, failure=error))
                continue
            made = await _objects(scratch, context.context)
            found.append(Drift(context.context, differences(made, await _objects(address, context.context))))
    return found


def differences(made: Iterable[SchemaObject], found: Iterable[SchemaObject]) -> tuple[Difference, ...]:
    """What one has and the other has not so. Of a table that is missing, or too much, the table alone."""
    expected, there = _by_name(made), _by_name(found)
    changed = [
        Difference(expected.get(key), there.get(key))
        for key in sorted(expected.keys() | there.keys())
        if expected.get(key) != there.get(key)
    ]
    whole = {each.either.table for each in changed if each.is_one_sided and each.either.is_table}
    return tuple(each for each in changed if each.either.is_table or each.either.table not in whole)


def _by_name(objects: Iterable[SchemaObject]) -> dict[tuple[str, str], SchemaObject]:
    return {(each.kind, each.name): each for each in objects if not each.in_partition}


async def _objects(address: DatabaseAddress, schema: str) -> list[SchemaObject]:
    # What PostgreSQL calls an object depends on the search path, so it is the same on both sides.
    async with owner_connection(address, search_path="pg_catalog") as connection:
        return await schema_objects(connection, schema)
