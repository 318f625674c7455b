"""What a context declares to consume: subscriptions to events, and its own tasks."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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
    ordered: bool = True
    """Whether events of one aggregate wait for each other."""
    retry: RetryPolicy = DEFAULT_RETRY

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


async def _no_call(_message: object) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One name in the ledger and what happens to its deliveries: the common form of the declarations above."""

    name: str
    decode: Callable[[Mapping[str, Any]], Any]
    """Turns the payload into a message; raises ValueError if it can't."""
    apply: Callable[[Any, Any, Envelope, Any], Awaitable[None]]
    """`apply(message, answer, envelope, work)`: the effect, inside the transaction."""
    call: Callable[[Any], Awaitable[Any]] = field(default=_no_call)
    """Runs before the transaction."""
    calls_out: bool = False
    ordered: bool = True
    retry: RetryPolicy = DEFAULT_RETRY


def consumers_of(
    subscriptions: Sequence[Subscription], tasks: Sequence[TaskHandler | OutboundTaskHandler]
) -> dict[str, Consumer]:
    """All consumers of a context by their name in the ledger.

    Raises:
        ValueError: two of them share a name.
    """
    consumers: dict[str, Consumer] = {}
    for consumer in (*map(_of_subscription, subscriptions), *map(_of_task, tasks)):
        if consumer.name in consumers:
            raise ValueError(f"two consumers are named {consumer.name}: a name is a key in the ledger, rename one")
        consumers[consumer.name] = consumer
    return consumers


def _of_subscription(subscription: Subscription) -> Consumer:
    async def apply(message: Any, _answer: Any, envelope: Envelope, work: Any) -> None:
        await subscription.handle(message, envelope, work)

    return Consumer(
        name=subscription.name,
        decode=subscription.model.model_validate,
        apply=apply,
        ordered=subscription.ordered,
        retry=subscription.retry,
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
        decode=adapter.validate_python,
        apply=apply,
        call=outbound.call if outbound else _no_call,
        calls_out=outbound is not None,
        ordered=False,
        retry=handler.retry,
    )
