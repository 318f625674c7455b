"""All that follows from something, worked off in the test's own process until nothing is due in any context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent

from sqlalchemy import text

from hedgerow_core.messaging import Carrier, Chore, Consumer, Drain, Hint, RemoteRelay, partitions
from hedgerow_core.messaging.due import due_partitions
from hedgerow_core.persistence import Database

MAX_ROUNDS = 100
"""Each round works off all that was due at its begin. A story has ten of them; what goes on then never ends."""
LAST_ROUNDS = 10
"""Who works in these is who does not end, and no longer who has begun it."""

_FAILED = text(
    """
    SELECT subscription, state, coalesce(reason, '') AS reason, errors -> -1 ->> 'type' AS type,
        errors -> -1 ->> 'message' AS message
    FROM deliveries WHERE state = 'dead' OR (state = 'retry_wait' AND errors <> '[]')
    ORDER BY position
    """
)


class EndlessCascadeError(AssertionError):
    """Handlers cause each other on and on."""

    def __init__(self, busy: Mapping[str, int]) -> None:
        who = ", ".join(f"{name} ({count} of the last {LAST_ROUNDS} rounds)" for name, count in busy.items())
        super().__init__(
            f"the cascade does not end: after {MAX_ROUNDS} rounds there is still work for {who}. "
            "Fix: let one of them stop, or give what it enqueues a delay."
        )


class HandlersFailedError(AssertionError):
    """Something that was due has failed; the ledger would try it again, or has given it up."""

    def __init__(self, failures: Sequence[FailedDelivery]) -> None:
        lines = "\n".join(indent(str(failure), "  ") for failure in failures)
        super().__init__(
            f"what was due has failed:\n{lines}\n"
            "Fix the handler; if the failure is what the test is about, say `despite_failures=True`."
        )


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that waits for its next attempt, or is dead."""

    subscription: str
    state: str
    error: str

    def __str__(self) -> str:
        return f"{self.subscription} ({self.state}): {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What one context takes part in a cascade with."""

    database: Database
    consumers: Mapping[str, Consumer]
    drain: Drain
    relays: Sequence[Carrier] = ()
    chores: Sequence[Chore] = ()

    async def open(self) -> None:
        """Get ready, as a dispatcher does once."""
        for relay in self.relays:
            await relay.open()
        for chore in self.chores:
            await chore.open()
        async with self.database.transaction() as connection:
            await partitions.register(connection, list(self.consumers))

    async def gather(self) -> None:
        """Make deliveries of what was published, and of the schedules' ticks that have passed."""
        for chore in self.chores:
            await chore.step()
        for relay in self.relays:
            if isinstance(relay, RemoteRelay):
                await relay.catch_up()
            else:
                while await relay.step():
                    pass

    async def work_off(self) -> set[str]:
        """Run what is due now; the subscriptions that had something."""
        names = list(self.consumers)
        ordered = [name for name, consumer in self.consumers.items() if consumer.ordered]
        async with self.database.reading() as connection:
            due = await due_partitions(connection, names, ordered=ordered)
        for where in due:
            await self.drain(Hint(self.database.context, where.subscription, where.partition))
        return {where.subscription for where in due}

    async def failures(self) -> list[FailedDelivery]:
        """What went wrong and was not mended since."""
        async with self.database.reading() as connection:
            rows = (await connection.execute(_FAILED)).all()
        return [
            FailedDelivery(row.subscription, row.state, f"{row.type}: {row.message}" if row.type else row.reason)
            for row in rows
        ]


class Cascade:
    """Works off what is due in several contexts, one after the other: the same in every run."""

    def __init__(self, workplaces: Sequence[Workplace]) -> None:
        self._workplaces = workplaces

    async def open(self) -> None:
        """Get ready; to be called once before `work_off`."""
        for workplace in self._workplaces:
            await workplace.open()

    async def work_off(self) -> None:
        """Go on until nothing is due anywhere. What waits for a later moment is left there.

        Raises:
            EndlessCascadeError: names who goes on.
        """
        busy: Counter[str] = Counter()
        for number in range(MAX_ROUNDS):
            for workplace in self._workplaces:
                await workplace.gather()
            worked = [await workplace.work_off() for workplace in self._workplaces]
            if not any(worked):
                return
            if number >= MAX_ROUNDS - LAST_ROUNDS:
                busy.update(name for names in worked for name in sorted(names))
        raise EndlessCascadeError(busy)

    async def failures(self) -> list[FailedDelivery]:
        """What went wrong in any context and was not mended since."""
        return [failure for workplace in self._workplaces for failure in await workplace.failures()]
