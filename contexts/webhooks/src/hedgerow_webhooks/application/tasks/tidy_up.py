"""Forget messages that are older than they are kept. The clock asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, final

from hedgerow_core.application import Task
from hedgerow_core.domain import Clock
from hedgerow_webhooks.application.ports import WebhooksWork

AT_ONCE = 1000
"""Messages a transaction: it stays short."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TidyUp(Task):
    """Made by the clock, and by itself while there is more to do."""

    name: ClassVar[str] = "webhooks.tidy_up"

    tick: datetime
    batch: int = 1


@final
class TidyUpHandler:
    """The log of a message goes with it."""

    def __init__(self, *, clock: Clock, keep: timedelta) -> None:
        self._clock = clock
        self._keep = keep

    async def __call__(self, task: TidyUp, work: WebhooksWork) -> None:
        """Handle the task."""
        if await work.messages.prune(before=self._clock.now() - self._keep, limit=AT_ONCE) == AT_ONCE:
            following = replace(task, batch=task.batch + 1)
            await work.tasks.enqueue(following, key=f"{task.tick.isoformat()}/{following.batch}")
