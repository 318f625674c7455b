"""Whether both sides answer alike: published queries, asked of one build on either database, in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.database import opened
from hedgerow_core.questions import Answering, AskedQuery
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import hosted_contexts
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.tables import MovedTable
from hedgerow_host.migrate import runner_for
from hedgerow_host.settings import HostSettings
from hedgerow_host.wire import remotes_of

SAMPLED = 20
"""Parameters that are taken from the rows for each query, where its parameters are called as columns are."""
WITHIN = timedelta(seconds=10)
ASKER = "extraction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A published query with its parameters."""

    query: str
    parameters: Mapping[str, Any]

    @classmethod
    def parse(cls, written: str) -> Asked:
        """Read `users.get_user={"user_id": "…"}`.

        Raises:
            ValueError: it is not written so.
        """
        query, separator, parameters = written.partition("=")
        try:
            read = json.loads(parameters)
        except ValueError as error:
            raise ValueError(f'expected QUERY={{"parameter": "value"}}, not {written!r}') from error
        if not separator or not isinstance(read, dict):
            raise ValueError(f'expected QUERY={{"parameter": "value"}}, not {written!r}')
        return cls(query=query, parameters=read)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAnswer:
    """A question that both sides answer, but not alike."""

    query: str
    parameters: str
    at_source: str
    at_target: str


class Shadow:
    """The same context twice: on the source's database as of one moment, and on the target's."""

    def __init__(
        self, context: str, settings: HostSettings, source: DatabaseAddress, target: DatabaseAddress, moment: str
    ) -> None:
        class AtMoment(Database):
            """All that is read is of the moment that the mover has exported."""

            @asynccontextmanager
            async def reading(self) -> AsyncIterator[AsyncConnection]:
                async with opened(self.engine) as connection:
                    await connection.execution_options(isolation_level="REPEATABLE READ")
                    async with connection.begin():
                        await connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{moment}'")
                        yield connection

            transaction = reading

        class AtTarget(Database):
            """The moved context is asked there; what it asks of others stays where they are."""

            def __init__(self, address: DatabaseAddress, name: str, **options: Any) -> None:
                super().__init__(target if name == context else address, name, **options)

        loaded, quarantine = hosted_contexts(settings)
        self._context = context
        self._loaded = [each for each in loaded if each.name == context]
        self._addresses = (source, target)
        self._assemblies = [
            assemble(
                loaded,
                quarantine=quarantine,
                environment=settings.env,
                data_dir=settings.data_dir,
                address=source,
                database=database,
                remotes=remotes_of(settings, [each.name for each in loaded]),
            )
            for database in (AtMoment, AtTarget)
        ]

    @property
    def queries(self) -> Mapping[str, Sequence[str]]:
        """The published queries, with the names of their parameters."""
        return {
            published.contract.query_name: list(published.contract.model_fields)
            for published in self._hosted(self._assemblies[0]).handlers.answers
        }

    async def compare(self, asked: Sequence[Asked]) -> list[OtherAnswer]:
        """Ask both sides the same; returns what they answer otherwise.

        Raises:
            HostError: the context publishes no such query.
        """
        sides = []
        for assembly, address in zip(self._assemblies, self._addresses, strict=True):
            isolation = await runner_for(address, self._loaded).isolation()
            hosted = self._hosted(assembly)
            hosted.database.isolation = isolation[self._context]
            sides.append({p.contract.query_name: Answering(p, hosted.bus) for p in hosted.handlers.answers})
        try:
            found = []
            for each in asked:
                if each.query not in sides[0]:
                    raise HostError(
                        f"{self._context} does not publish the query {each.query}",
                        fix=f"ask one of {', '.join(sides[0]) or 'none'}",
                        code=ExitCode.MISCONFIGURED,
                    )
                here, there = [await _answer(side[each.query], each) for side in sides]
                if here != there:
                    parameters = json.dumps(each.parameters)
                    found.append(
                        OtherAnswer(query=each.query, parameters=parameters, at_source=here, at_target=there)
                    )
            return found
        finally:
            for assembly in self._assemblies:
                await assembly.remotes.close()
                for context in assembly.contexts:
                    await context.database.close()

    def _hosted(self, assembly: Assembly) -> Any:
        return next(each for each in assembly.contexts if each.name == self._context)


async def sampled(side: Side, tables: Sequence[MovedTable], queries: Mapping[str, Sequence[str]]) -> list[Asked]:
    """Questions whose parameters are called as columns of one table are: with values from its rows."""
    found: list[Asked] = []
    for query, parameters in queries.items():
        table = next((t for t in tables if parameters and set(parameters) <= {c.name for c in t.columns}), None)
        if table is None:
            continue
        columns = ", ".join(f'"{name}"' for name in parameters)
        rows = await side.connection.fetch(
            f"SELECT DISTINCT to_jsonb(r)::text AS row FROM (SELECT {columns} FROM {table.quoted} LIMIT {SAMPLED})"
            " AS r"
        )
        found += [Asked(query=query, parameters=json.loads(row["row"])) for row in rows]
    return found


async def _answer(answering: Answering, asked: Asked) -> str:
    question = AskedQuery(
        query=asked.query,
        version=1,
        asker=ASKER,
        parameters=json.dumps(asked.parameters).encode(),
        deadline=WITHIN,
        actor=None,
        correlation_id=None,
        causation_id=None,
        traceparent=None,
    )
    return json.dumps(json.loads(await answering(question)), sort_keys=True)
