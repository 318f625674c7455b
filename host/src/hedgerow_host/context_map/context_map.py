"""What hosted contexts tell, ask and store, as plain data. Made from what they declare; needs no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hedgerow_core.persistence.migration_tables import tables_made_by
from hedgerow_host.assembly import Assembly
from hedgerow_host.hosted_context import HostedContext


class Kind(StrEnum):
    """What goes from one context to another."""

    EVENTS = "events"
    """The source publishes them, the target hears them."""
    QUERIES = "queries"
    """The source asks them, the target answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """All events, or all queries, between two contexts."""

    source: str
    target: str
    kind: Kind
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedContext:
    """A context on the map. One that is not hosted here is there because somebody listens to it, or asks it."""

    name: str
    hosted: bool
    publishes: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    """Without those of the ledger, which every context has."""

    @property
    def facts(self) -> list[str]:
        """What it has, in numbers."""
        if not self.hosted:
            return ["not hosted here"]
        counted = (
            (self.publishes, "event", "events"),
            (self.answers, "query", "queries"),
            (self.tables, "table", "tables"),
        )
        return [f"{len(names)} {one if len(names) == 1 else many}" for names, one, many in counted if names]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextMap:
    """All contexts of a host in their order, and what goes between them."""

    contexts: tuple[MappedContext, ...]
    relations: tuple[Relation, ...]

    def hearers(self, event: str) -> list[str]:
        """Which contexts hear this event: `users.user_registered v1`."""
        return [each.target for each in self.relations if each.kind is Kind.EVENTS and event in each.names]

    def askers(self, query: str) -> list[str]:
        """Which contexts ask this query: `users.get_user v1`."""
        return [each.source for each in self.relations if each.kind is Kind.QUERIES and query in each.names]

    def heard_by(self, context: str) -> list[str]:
        """The events that a context hears."""
        return [
            name
            for each in self.relations
            if each.kind is Kind.EVENTS and each.target == context
            for name in each.names
        ]

    def asked_by(self, context: str) -> list[str]:
        """The queries that a context asks."""
        return [
            name
            for each in self.relations
            if each.kind is Kind.QUERIES and each.source == context
            for name in each.names
        ]


def context_map(assembly: Assembly) -> ContextMap:
    """The map of this composition."""
    relations = tuple(_relations(assembly))
    named = {name for relation in relations for name in (relation.source, relation.target)}
    return ContextMap(
        contexts=(
            *(_mapped(context) for context in assembly.contexts),
            *(MappedContext(name=name, hosted=False) for name in sorted(named - set(assembly.names))),
        ),
        relations=relations,
    )


def versioned(name: str, version: int) -> str:
    """An event or a query, as one calls it."""
    return f"{name} v{version}"


def without_context(name: str) -> str:
    """`users.user_registered v1` where it is plain whose it is."""
    return name.partition(".")[2] or name


def tables_of(context: HostedContext) -> tuple[str, ...]:
    """The tables that a context's own migrations make."""
    history = context.loaded.call("migrations")
    return tuple(tables_made_by(history)) if history is not None else ()


def _mapped(context: HostedContext) -> MappedContext:
    answered = (published.contract for published in context.handlers.answers)
    return MappedContext(
        name=context.name,
        hosted=True,
        publishes=_sorted(
            versioned(event.event_type, event.event_version) for event in context.subscriptions.publishes
        ),
        answers=_sorted(versioned(query.query_name, query.query_version) for query in answered),
        tables=tables_of(context),
    )


def _relations(assembly: Assembly) -> Iterator[Relation]:
    for context in assembly.contexts:
        heard: dict[str, set[str]] = {}
        for wanted in context.subscriptions.subscribes:
            heard.setdefault(wanted.publisher, set()).add(versioned(wanted.event, wanted.version))
        for publisher, names in sorted(heard.items()):
            yield Relation(source=publisher, target=context.name, kind=Kind.EVENTS, names=_sorted(names))
        asked: dict[str, set[str]] = {}
        for question in context.handlers.asks:
            asked.setdefault(question.publisher, set()).add(versioned(question.query, question.version))
        for publisher, names in sorted(asked.items()):
            yield Relation(source=context.name, target=publisher, kind=Kind.QUERIES, names=_sorted(names))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
