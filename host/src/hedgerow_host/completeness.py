"""What a composition lacks: messages nobody handles, events that are listened to but never published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hedgerow_core.application import Bus, Command, Query, Task
from hedgerow_core.messaging import Consumer, Subscription
from hedgerow_core.plugin import Subscriptions
from hedgerow_host.discovery import LoadedContext
from hedgerow_host.problems import Problem


def missing_handlers(loaded: LoadedContext, bus: Bus, consumers: Mapping[str, Consumer]) -> list[Problem]:
    """Commands, queries and tasks that the context defines and no handler takes."""
    package = loaded.module.__name__.partition(".")[0]
    # A slotted dataclass exists twice, with and without slots: the name is what counts.
    handled = {_place(message) for message in bus.messages}
    messages = [*_defined(Command, package), *_defined(Query, package)]
    orphans = [_place(message) for message in messages if _place(message) not in handled]
    orphans += [_place(task) for task in _defined(Task, package) if getattr(task, "name", None) not in consumers]
    return [
        Problem(
            subject=loaded.name,
            what="nobody handles this message",
            sources=(orphan,),
            fix="declare its handler in the hook `handlers`, or delete the message",
        )
        for orphan in dict.fromkeys(orphans)
    ]


def unheard_events(subscriptions: Mapping[str, Subscriptions]) -> list[Problem]:
    """Subscriptions to events that their publisher, which is hosted here, doesn't publish."""
    published = {
        name: {(event.event_type, event.event_version) for event in declared.publishes}
        for name, declared in subscriptions.items()
    }
    return [
        Problem(
            subject=wanted.name,
            what=f"listens to {wanted.event} version {wanted.version}, which {wanted.publisher} does not publish",
            sources=(f"subscription of {name}",),
            fix=f"{wanted.publisher} publishes: {_listed(published[wanted.publisher])}",
        )
        for name, declared in subscriptions.items()
        for wanted in declared.subscribes
        if wanted.publisher in published and (wanted.event, wanted.version) not in published[wanted.publisher]
    ]


def absent_publishers(subscriptions: Mapping[str, Subscriptions]) -> list[Subscription]:
    """Subscriptions whose publisher is not hosted here: legitimate, but what they keep stays as it is."""
    return [
        wanted
        for declared in subscriptions.values()
        for wanted in declared.subscribes
        if wanted.publisher not in subscriptions
    ]


def _defined(kind: type, package: str) -> list[type]:
    return [found for found in _subclasses(kind) if found.__module__.partition(".")[0] == package]


def _subclasses(kind: type) -> Iterator[type]:
    derived: list[type] = kind.__subclasses__()
    for found in derived:
        yield found
        yield from _subclasses(found)


def _place(message: type) -> str:
    return f"{message.__module__}:{message.__qualname__}"


def _listed(events: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{event} v{version}" for event, version in sorted(events)) or "nothing"
