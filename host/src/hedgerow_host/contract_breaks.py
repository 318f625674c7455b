"""Where publishers don't meet subscribers and askers: the rule of boot, `check` and `contracts diff`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hedgerow_core.messaging.contracts import incompatibilities
from hedgerow_host.contracts import ContextContract, WantedAnswer, WantedEvent
from hedgerow_host.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBreak(Problem):
    """A subscription or question that can't read what is published; which of them says its `subject`."""

    consumer: str
    """The subscribing or asking context."""
    event: str
    """Or the query."""
    version: int
    field: str = ""
    """The path of the field: `lines[].amount`; empty if the event or query itself is the matter."""


def breaks(
    publishers: Mapping[str, ContextContract], subscribers: Iterable[ContextContract]
) -> Iterator[ContractBreak]:
    """Every subscription and question that one of these publishers leaves with nothing that it can read."""
    for subscriber in subscribers:
        for wanted in subscriber.subscribes:
            if wanted.publisher in publishers:
                yield from _between(publishers[wanted.publisher], subscriber.context, wanted)
        for asked in subscriber.asks:
            if asked.publisher in publishers:
                yield from _answered(publishers[asked.publisher], subscriber.context, asked)


def _between(publisher: ContextContract, consumer: str, wanted: WantedEvent) -> Iterator[ContractBreak]:
    published = {event.version: event.schema for event in publisher.publishes if event.type == wanted.event}
    sources = (f"subscription of {consumer}",)
    if not any(wanted.oldest <= version <= wanted.version for version in published):
        yield ContractBreak(
            subject=wanted.subscription,
            what=f"listens to {wanted.event} version {wanted.version}, which {publisher.context} does not publish",
            fix=f"{publisher.context} publishes: {_listed(publisher)}; listen to that, or publish this again",
            sources=sources,
            consumer=consumer,
            contexts=(consumer, publisher.context),
            event=wanted.event,
            version=wanted.version,
        )
        return
    if wanted.version not in published:
        return  # an older one, which an upcast lifts
    for found in incompatibilities(published[wanted.version], wanted.schema):
        yield ContractBreak(
            subject=wanted.subscription,
            what=f"can't read {wanted.event} version {wanted.version}: {found}",
            fix=found.fix,
            sources=sources,
            consumer=consumer,
            contexts=(consumer, publisher.context),
            event=wanted.event,
            version=wanted.version,
            field=found.path,
        )


def _answered(publisher: ContextContract, consumer: str, asked: WantedAnswer) -> Iterator[ContractBreak]:
    answers = {one.version: one.answer for one in publisher.answers if one.query == asked.query}
    subject, sources = f"{consumer} asks {asked.query}", (f"handlers of {consumer}",)
    if asked.version not in answers:
        listed = ", ".join(f"{one.query} v{one.version}" for one in publisher.answers) or "nothing"
        yield ContractBreak(
            subject=subject,
            what=f"wants version {asked.version}, which {publisher.context} does not answer",
            fix=f"{publisher.context} answers: {listed}; ask that, or answer this again",
            sources=sources,
            consumer=consumer,
            contexts=(consumer, publisher.context),
            event=asked.query,
            version=asked.version,
        )
        return
    for found in incompatibilities(answers[asked.version], asked.schema):
        yield ContractBreak(
            subject=subject,
            what=f"can't read the answer of version {asked.version}: {found}",
            fix=found.fix,
            sources=sources,
            consumer=consumer,
            contexts=(consumer, publisher.context),
            event=asked.query,
            version=asked.version,
            field=found.path,
        )


def _listed(publisher: ContextContract) -> str:
    return ", ".join(f"{event.type} v{event.version}" for event in publisher.publishes) or "nothing"
