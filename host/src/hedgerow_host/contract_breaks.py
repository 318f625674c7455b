"""Where a publisher and a subscriber don't meet: the rule that the boot, `check` and `contracts diff` share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hedgerow_core.messaging.contracts import incompatibilities
from hedgerow_host.contracts import ContextContract, WantedEvent
from hedgerow_host.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBreak(Problem):
    """A subscription that can't read what is published; its `subject` is the subscription."""

    consumer: str
    """The subscribing context."""
    event: str
    version: int
    field: str = ""
    """The path of the field: `lines[].amount`; empty if the event itself is the matter."""


def breaks(
    publishers: Mapping[str, ContextContract], subscribers: Iterable[ContextContract]
) -> Iterator[ContractBreak]:
    """Every subscription that one of these publishers leaves without an event that it can read."""
    for subscriber in subscribers:
        for wanted in subscriber.subscribes:
            if wanted.publisher in publishers:
                yield from _between(publishers[wanted.publisher], subscriber.context, wanted)


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
            event=wanted.event,
            version=wanted.version,
            field=found.path,
        )


def _listed(publisher: ContextContract) -> str:
    return ", ".join(f"{event.type} v{event.version}" for event in publisher.publishes) or "nothing"
