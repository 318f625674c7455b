"""What a composition lacks: messages nobody handles, schedules of such, events nobody publishes."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from hedgerow_core.application import Bus, Command, Query, Task
from hedgerow_core.messaging import Consumer, Schedule, Subscription
from hedgerow_core.plugin import Subscriptions
from hedgerow_host.contract_breaks import ContractBreak, breaks
from hedgerow_host.contracts import ContextContract
from hedgerow_host.loading import LoadedContext
from hedgerow_host.problems import Problem, is_in

_EVENT = re.compile(r"[a-z][a-z0-9_]*")


def missing_handlers(loaded: LoadedContext, bus: Bus, consumers: Mapping[str, Consumer]) -> list[Problem]:
    """Commands, queries and tasks that the context defines and no handler takes."""
    package = loaded.installed.package
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
            contexts=(loaded.name,),
        )
        for orphan in dict.fromkeys(orphans)
    ]


def unready_schedules(
    loaded: LoadedContext, schedules: Sequence[Schedule], tasks: Collection[str]
) -> list[Problem]:
    """Schedules that share a name, or whose task nobody handles."""
    names = [schedule.name for schedule in schedules]
    twice = [
        Problem(
            subject=name,
            what="is the name of two schedules",
            sources=(f"handlers of {loaded.name}",),
            fix="rename one: a name is a key in the ledger",
            contexts=(loaded.name,),
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    made = {schedule.name: schedule.task(datetime.now(UTC)).name for schedule in schedules}
    unhandled = [
        Problem(
            subject=schedule,
            what=f"makes the task {task}, which nobody handles",
            sources=(f"handlers of {loaded.name}",),
            fix="declare the task's handler in the hook `handlers`",
            contexts=(loaded.name,),
        )
        for schedule, task in made.items()
        if task not in tasks
    ]
    return twice + unhandled


def misnamed_events(loaded: LoadedContext, declared: Subscriptions) -> list[Problem]:
    """Published events that bear another context's name, or that are published twice."""
    events = [(event.event_type, event.event_version) for event in declared.publishes]
    return [
        Problem(
            subject=name,
            what=f"is published by {loaded.name}, {what}",
            sources=(f"subscriptions of {loaded.name}", str(loaded.installed)),
            fix=fix,
            contexts=(loaded.name,),
        )
        for (name, version), times in Counter(events).items()
        for what, fix in _wrong_with_event(name, version, times, loaded.name)
    ]


def _wrong_with_event(name: str, version: int, times: int, context: str) -> Iterator[tuple[str, str]]:
    owner, _, event = name.partition(".")
    if owner != context or not _EVENT.fullmatch(event):
        yield "whose event it is not", f"name it {context}.what_happened"
    if times > 1:
        yield f"{times} times in version {version}", "give each a name or a version of its own"


def broken_contracts(contracts: Iterable[ContextContract]) -> list[ContractBreak]:
    """Subscriptions and questions that a publisher hosted here does not serve as they read it."""
    by_name = {contract.context: contract for contract in contracts}
    return list(breaks(by_name, by_name.values()))


def absent_publishers(
    subscriptions: Mapping[str, Subscriptions], remote: Collection[str] = ()
) -> list[Subscription]:
    """Subscriptions whose publisher is neither here nor remote: legitimate, but what they keep stays as it is."""
    return [
        wanted
        for declared in subscriptions.values()
        for wanted in declared.subscribes
        if wanted.publisher not in subscriptions and wanted.publisher not in remote
    ]


def _defined(kind: type, package: str) -> list[type]:
    return [found for found in _subclasses(kind) if is_in(found.__module__, package) and _is_there(found)]


def _is_there(message: type) -> bool:
    """Whether its module has it: a module that was unloaded or loaded anew leaves classes behind for a while."""
    module = sys.modules.get(message.__module__)
    try:
        return module is not None and attrgetter(message.__qualname__)(module) is message
    except AttributeError:
        return False


def _subclasses(kind: type) -> Iterator[type]:
    derived: list[type] = kind.__subclasses__()
    for found in derived:
        yield found
        yield from _subclasses(found)


def _place(message: type) -> str:
    return f"{message.__module__}:{message.__qualname__}"
