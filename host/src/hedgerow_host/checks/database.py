"""What only the database can tell: whether it is as migrations make it, and how well it keeps contexts apart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sqlalchemy import text

from hedgerow_core.persistence import Database, DatabaseAddress, Isolation
from hedgerow_core.persistence.database import role_of
from hedgerow_host.checks.drift import drifted_schemas, not_looked
from hedgerow_host.checks.findings import HOST, Finding
from hedgerow_host.database import told_if_away
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import runner_for

_OURSELVES = text("SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user")


def look_at_database(
    address: DatabaseAddress, contexts: Sequence[LoadedContext], *, deploy: bool = False
) -> list[Finding]:
    """What is wrong with a database for these contexts. Changes nothing in it.

    Raises:
        HostError: it is away.
    """
    with told_if_away(address):
        return asyncio.run(_look(address, contexts, deploy))


async def _look(address: DatabaseAddress, contexts: Sequence[LoadedContext], deploy: bool) -> list[Finding]:
    runner = runner_for(address, contexts)
    states = await runner.states()
    user, may_all, may_create_roles, may_create_databases = await _ourselves(address)
    behind: dict[str, list[str]] = {}
    for step in (step for state in states for step in state.pending):
        behind.setdefault(step.context, []).append(step.revision)
    findings = [
        Finding(
            context=context,
            number="E007",
            subject="migrations",
            what=f"are pending: {', '.join(steps)}",
            fix="hedgerow migrate",
        )
        for context, steps in behind.items()
    ]
    # Before the first migration there is no role yet, and whoever may create one will.
    unborn = behind.keys() if may_create_roles or may_all else ()
    isolation: Mapping[str, Isolation] = await runner.isolation()
    findings += [
        _unprotected(context, user)
        for context, kept in isolation.items()
        if kept is Isolation.SCHEMA and context not in unborn
    ]
    if may_all and deploy:
        findings.append(_superuser(user))
    # What a newer release has made of a schema, nobody here knows.
    moved = {*behind, *(state.context for state in states if state.is_ahead)}
    if settled := [context for context in contexts if context.name not in moved]:
        may = may_all or may_create_databases
        findings += await drifted_schemas(address, settled) if may else [not_looked(user)]
    return findings


async def _ourselves(address: DatabaseAddress) -> tuple[str, bool, bool, bool]:
    database = Database(address, HOST, isolation=Isolation.SCHEMA)
    try:
        async with database.reading() as connection:
            return tuple((await connection.execute(_OURSELVES)).one())
    finally:
        await database.close()


def _unprotected(context: str, user: str) -> Finding:
    role = role_of(context)
    return Finding(
        context=context,
        number="W004",
        subject=role,
        what=f"is no role that {user} may take, so {context} works with all rights of {user}. Nothing in the "
        "database keeps its statements from the tables of other contexts, nor anybody from rewriting its outbox "
        "and its audit trail (ADR 0006)",
        fix=f"ALTER ROLE {user} CREATEROLE, then `hedgerow migrate`; if {role} belongs to somebody else, let them "
        f"GRANT {role} TO {user}",
    )


def _superuser(user: str) -> Finding:
    return Finding(
        context=HOST,
        number="W111",
        subject="HEDGEROW_DATABASE_URL",
        what=f"names {user}, who is a superuser: a statement that somebody smuggles in reaches the whole server",
        fix="CREATE ROLE shop LOGIN CREATEROLE PASSWORD '…', let it own the database, and connect as it",
    )
