"""Schemas that somebody has changed by hand: what their migrations make is not what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.migrations.drift import Difference, Drift, drift_of
from hedgerow_host.checks.findings import HOST, Finding
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import migrations_of
from hedgerow_host.problems import said_by

_LONG = 120
"""More of a definition, as of a function, is nothing to be read in a finding."""


async def drifted_schemas(address: DatabaseAddress, contexts: Sequence[LoadedContext]) -> list[Finding]:
    """What is not as the migrations of these contexts make it, which are all applied.

    Raises:
        UnavailableError: the database is away.
    """
    found = await drift_of(address, migrations_of(contexts))
    return [finding for drift in found for finding in _findings(drift)]


def not_looked(user: str) -> Finding:
    """For a user who can't make a database to compare with."""
    return Finding(
        context=HOST,
        number="N003",
        subject="drift",
        what=f"was not looked for: {user} may not create the database that schemas are compared with",
        fix=f"ALTER ROLE {user} CREATEDB, or check with a user who may",
    )


def _findings(drift: Drift) -> Iterator[Finding]:
    if drift.failure is not None:
        yield Finding(
            context=drift.context,
            number="W005",
            subject="migrations",
            what=f"fail on an empty database, so nobody can set up another one: {said_by(drift.failure)}",
            fix="mend the revision that is named, so that all of them run from nothing",
        )
        return
    for difference in drift.differences:
        yield Finding(
            context=drift.context,
            number="E008",
            subject=f"{difference.either.kind} {difference.either.name}",
            what=_what(difference),
            fix=f"take it back; what is to stay becomes a revision: hedgerow migrations new {drift.context}",
        )


def _what(difference: Difference) -> str:
    made, found = difference.made, difference.found
    if made is None:
        return "is in the database, and no migration makes it"
    if found is None:
        return "is made by the migrations, and is not in the database"
    if max(len(made.definition), len(found.definition)) > _LONG:
        return "is not as the migrations make it"
    return f"is {found.definition or 'plain'}, and the migrations make it {made.definition or 'plain'}"
