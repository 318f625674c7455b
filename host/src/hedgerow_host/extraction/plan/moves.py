"""What goes along when a context moves, as plain data: made from what it declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hedgerow_core.persistence.database import role_of
from hedgerow_host.assembly import Assembly
from hedgerow_host.context_map.context_map import ContextMap, context_map, versioned
from hedgerow_host.extraction.plan.carrying import TableSize
from hedgerow_host.extraction.plan.database import InDatabase
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.mounting import MountedRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An event or a query, and who is at the other end of it."""

    name: str
    """`users.user_registered v1`."""
    contexts: Sequence[str]
    """Who hears, publishes, asks or answers it."""
    required: bool = False
    """Whether the asker does not start without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """All that is at the new host afterwards."""

    package: str
    """The distribution that brings the context."""
    version: str
    routes: Sequence[str]
    permissions: Sequence[str]
    verbs: bool
    """Whether it brings verbs of the command line."""
    vouches_for: Sequence[str]
    """The issuers and the prefixes of keys that it vouches for."""
    tasks: Sequence[str]
    schedules: Sequence[str]
    publishes: Sequence[Line]
    hears: Sequence[Line]
    answers: Sequence[Line]
    asks: Sequence[Line]
    role: str
    """Of PostgreSQL, under which the context works; migrating makes it there."""
    tables: Sequence[TableSize]
    deliveries: Mapping[str, int]
    """Those that are not done, by state."""

    @property
    def bytes(self) -> int:
        """Of all its tables, with their indexes."""
        return sum(table.bytes for table in self.tables)


def moves_of(
    context: HostedContext, assembly: Assembly, routes: Sequence[MountedRoute], found: InDatabase
) -> Moves:
    """What goes along with this context."""
    installed, drawn = context.loaded.installed, context_map(assembly)
    required = {
        question.query for each in assembly.contexts for question in each.handlers.asks if question.required
    }
    published = [versioned(each.event_type, each.event_version) for each in context.subscriptions.publishes]
    answered = [
        versioned(each.contract.query_name, each.contract.query_version) for each in context.handlers.answers
    ]
    return Moves(
        package=installed.distribution,
        version=installed.version,
        routes=[f"{each.method} {each.path}" for each in routes if each.context == context.name],
        permissions=[str(each.name) for each in context.loaded.manifest.permissions],
        verbs=context.loaded.implements("cli"),
        vouches_for=[
            *(f"tokens of {issuer.issuer}" for issuer in context.issuers),
            *(f"keys that begin with {authority.prefix}" for authority in context.key_authorities),
        ],
        tasks=sorted(handler.task.name for handler in context.handlers.tasks),
        schedules=sorted(schedule.name for schedule in context.handlers.schedules),
        publishes=[Line(name=name, contexts=drawn.hearers(name)) for name in sorted(published)],
        hears=[Line(name=name, contexts=[_owner(name)]) for name in drawn.heard_by(context.name)],
        answers=[_question(name, drawn.askers(name), required) for name in sorted(answered)],
        asks=[_question(name, [_owner(name)], required) for name in drawn.asked_by(context.name)],
        role=role_of(context.name),
        tables=found.tables,
        deliveries=found.deliveries,
    )


def neighbours_of(context: str, drawn: ContextMap) -> list[str]:
    """With whom it exchanges events or questions."""
    pairs = ((each.source, each.target) for each in drawn.relations)
    met = {other for pair in pairs if context in pair for other in pair}
    return sorted(met - {context})


def _question(name: str, contexts: Sequence[str], required: set[str]) -> Line:
    return Line(name=name, contexts=contexts, required=name.partition(" ")[0] in required)


def _owner(name: str) -> str:
    return name.partition(".")[0]
