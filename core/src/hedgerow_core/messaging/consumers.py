"""What a context declares to consume: subscriptions to events, and its own tasks."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel, TypeAdapter

from hedgerow_core.application import Task
from hedgerow_core.messaging.events import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon a failed delivery is tried again, before it is dead."""

    attempts: int = 10
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=10)

    def wait_after(self, attempt: int) -> timedelta:
        """The wait after failed attempt number `attempt`: doubling, spread by ±25% so that crowds disperse."""
        doubled: timedelta = self.first_wait * 2 ** min(attempt - 1, 30)
        return min(doubled, self.longest_wait) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load only


DEFAULT_RETRY = RetryPolicy()
KEEP_COMPLETED = timedelta(days=30)
"""How long a completed delivery stays: the dedupe window, and what operators can look back on."""

Payload = Mapping[str, Any]
Upcast = Callable[[Payload], Payload]
"""Turns a payload of one version into one of the next."""


class Start(Enum):
    """Where a subscription that is new begins to read. A moment (a `datetime`) may stand in its place."""

    EARLIEST = "earliest"
    """With the oldest event that the publisher still keeps."""
    LATEST = "latest"
    """With what is published from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """This context wants an event of another (or its own), decoded with its own model of the fields it reads.

    `name` is the key in the ledger (`billing.copy_registered_user`): never rename it. `handle` runs after the
    publisher's commit, in a transaction of this context, as `await handle(event, envelope, work)`.
    """

    name: str
    event: str
    model: type[BaseModel]
    handle: Callable[[Any, Envelope, Any], Awaitable[None]]
    version: int = 1
    upcasts: Mapping[int, Upcast] = field(default_factory=dict)
    """By version: how a payload of that version becomes one of the next. What has no way up is not read."""
    start: Start | datetime = Start.EARLIEST
    """Heeded once, when the ledger first meets the subscription. A moment is compared with `occurred_at`."""
    ordered: bool = True
    """Whether events of one aggregate wait for each other."""
    retry: RetryPolicy = DEFAULT_RETRY
    keep_completed: timedelta | None = KEEP_COMPLETED
    """None: for ever."""

    @property
    def oldest_version(self) -> int:
        """The oldest version that can be read."""
        return min((self.version, *self.upcasts))

    @property
    def publisher(self) -> str:
        """The context that publishes the event."""
        return self.event.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHandler:
    """Handles a task inside one transaction: `await handle(task, work)`. It must not call anything outside."""

    task: type[Task]
    handle: Callable[[Any, Any], Awaitable[None]]
    retry: RetryPolicy = DEFAULT_RETRY
    keep_completed: timedelta | None = KEEP_COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundTaskHandler:
    """Handles a task that must call the world outside, in two steps.

    `await call(task)` runs with no transaction open and may run again after a crash, so what it calls must be
    idempotent. What it answers is handed to `await apply(task, answer, work)`, in the transaction that also
    completes the task.
    """

    task: type[Task]
    call: Callable[[Any], Awaitable[Any]]
    apply: Callable[[Any, Any, Any], Awaitable[None]]
    retry: RetryPolicy = DEFAULT_RETRY
    keep_completed: timedelta | None = KEEP_COMPLETED


class NewerVersionError(Exception):
    """Only a newer build can read this; it may be on its way."""


async def _no_call(_message: object) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One name in the ledger and what happens to its deliveries: the common form of the declarations above."""

    name: str
    decode: Callable[[Payload, int], Any]
    """Turns a payload of this version into a message; raises NewerVersionError, or ValueError if it can't."""
    apply: Callable[[Any, Any, Envelope, Any], Awaitable[None]]
    """`apply(message, answer, envelope, work)`: the effect, inside the transaction."""
    call: Callable[[Any], Awaitable[Any]] = field(default=_no_call)
    """Runs before the transaction."""
    calls_out: bool = False
    ordered: bool = True
    retry: RetryPolicy = DEFAULT_RETRY
    keep_completed: timedelta | None = KEEP_COMPLETED
    publisher: str | None = None
    """The context whose events it reads; None for a task."""


def consumers_of(
    subscriptions: Sequence[Subscription], tasks: Sequence[TaskHandler | OutboundTaskHandler]
) -> dict[str, Consumer]:
    """All consumers of a context by their name in the ledger.

    Raises:
        ValueError: two of them share a name, or an upcast leads nowhere.
    """
    consumers: dict[str, Consumer] = {}
    for consumer in (*map(_of_subscription, subscriptions), *map(_of_task, tasks)):
        if consumer.name in consumers:
            raise ValueError(f"two consumers are named {consumer.name}: a name is a key in the ledger, rename one")
        consumers[consumer.name] = consumer
    return consumers


def _of_subscription(subscription: Subscription) -> Consumer:
    needed = set(range(subscription.oldest_version, subscription.version))
    if set(subscription.upcasts) != needed:
        raise ValueError(
            f"the upcasts of {subscription.name} start at {sorted(subscription.upcasts)}: "
            f"to reach version {subscription.version}, every version from the oldest on needs one"
        )

    def decode(payload: Payload, version: int) -> Any:
        if version > subscription.version:
            raise NewerVersionError(
                f"version {version} is newer than {subscription.version}, which this build reads"
            )
        for older in range(version, subscription.version):
            payload = subscription.upcasts[older](payload)
        return subscription.model.model_validate(payload)

    async def apply(message: Any, _answer: Any, envelope: Envelope, work: Any) -> None:
        await subscription.handle(message, envelope, work)

    return Consumer(
        name=subscription.name,
        decode=decode,
        apply=apply,
        ordered=subscription.ordered,
        retry=subscription.retry,
        keep_completed=subscription.keep_completed,
        publisher=subscription.publisher,
    )


def _of_task(handler: TaskHandler | OutboundTaskHandler) -> Consumer:
    adapter: TypeAdapter[Task] = TypeAdapter(handler.task)
    outbound = handler if isinstance(handler, OutboundTaskHandler) else None

    async def apply(message: Any, answer: Any, _envelope: Envelope, work: Any) -> None:
        if isinstance(handler, OutboundTaskHandler):
            await handler.apply(message, answer, work)
        else:
            await handler.handle(message, work)

    return Consumer(
        name=handler.task.name,
        decode=lambda payload, _version: adapter.validate_python(payload),
        apply=apply,
        call=outbound.call if outbound else _no_call,
        calls_out=outbound is not None,
        ordered=False,
        retry=handler.retry,
        keep_completed=handler.keep_completed,
    )
