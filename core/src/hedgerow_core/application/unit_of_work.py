"""What a command handler is given: one transaction, and the promise that everything in it leaves together."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_core.application.audit import AuditEntry
from hedgerow_core.application.idempotency import Answers
from hedgerow_core.application.messages import Task


class TaskQueue(Protocol):
    """Durable work for later, by the same context. Recorded in the transaction that asks for it."""

    async def enqueue(self, task: Task, *, delay: timedelta = timedelta(0), key: str | None = None) -> UUID:
        """Record `task`, due after `delay`. A second task of the same type and `key` is ignored.

        Returns the id of the task (of the first one, if `key` was known). Nothing runs before the commit.
        """
        ...


class UnitOfWork(Protocol):
    """One transaction of one context. It commits when the handler returns and rolls back when it raises.

    Contexts extend it with their repositories; a repository reports the events of what it saved.
    """

    @property
    def tasks(self) -> TaskQueue:
        """Where the handler leaves work that must happen after the commit."""
        ...

    @property
    def answers(self) -> Answers:
        """What requests were answered that may be sent again. The bus asks for it."""
        ...

    def audit(self, entry: AuditEntry) -> None:
        """Have a line of the trail leave with this transaction. The bus does it for commands that are `Audited`."""
        ...
