"""The ledger as a state machine: whatever happens in whatever order, an event takes effect once, in order.

Hypothesis picks the steps; a model remembers what was committed and what operators gave up. Crashes are walks that
end between claim and completion; time is moved by hand, by ending leases and waits in the database.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import (
    Drain,
    Envelope,
    Hint,
    Housekeeping,
    LedgerWork,
    Relay,
    RetryPolicy,
    consumers_of,
    deliveries,
    partitions,
    pausing,
    steering,
)
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.deliveries import Delivery
from hedgerow_core.messaging.partitions import Claim, FencedError
from hedgerow_core.messaging.selection import DeliveryFilter
from hedgerow_core.messaging.steering import Action
from hedgerow_core.messaging.tables import PARTITIONS
from hedgerow_core.persistence import Database
from tests.faults.ledger_load.model import Model
from tests.faults.ledger_load.stage import NOTES, Mark, Stage, note, noting, sink_work
from tests.faults.ledger_load.writers import publish

LATER = timedelta(hours=1)
PATIENT = RetryPolicy(attempts=2, first_wait=LATER, longest_wait=LATER)
"""No retry falls due by itself: the machine says when."""

BY = Decision(by="operator", why="experiment 17")
SILENT = "expires_at = '-infinity'"
SET_BACK = "snapshot = '1:1:', target = NULL, after_id = 0"
RESTORED = "system_identifier = 1"
KEYS = [UUID(int=number) for number in (1, 2, 3)]
"""The last two fall into the same partition."""
_RANGE_IS_FULL = """
    SELECT setval('source.outbox_id_seq', min(until_id) - 1) FROM source.outbox_ranges
    WHERE until_id - 1 > (SELECT last_value FROM source.outbox_id_seq)
"""
_IS_RETIRED = "SELECT EXISTS (SELECT FROM source.outbox_retirements)"
_KEY = st.sampled_from((KEYS[1], KEYS[1], KEYS[2], KEYS[0]))
_OFTEN = st.sampled_from((True, True, True, False))
_SELDOM = st.sampled_from((False, False, False, True))
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Stalled:
    """A worker that stopped between its claim and its completion."""

    claim: Claim
    batch: list[Delivery]


class Ledger(RuleBasedStateMachine):
    """The steps. `on(stage, ...)` makes a machine that works on a database."""

    stage: ClassVar[Stage]
    runner: ClassVar[asyncio.Runner]
    owner: ClassVar[asyncpg.Connection[asyncpg.Record]]
    writers: ClassVar[tuple[asyncpg.Connection[asyncpg.Record], asyncpg.Connection[asyncpg.Record]]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.ill: set[UUID] = set()
        self.stalled: list[Stalled] = []
        self.held: tuple[Any, UUID, UUID, int] | None = None
        self.subscription = noting(self._handle, PATIENT)
        consumers = consumers_of([self.subscription], [])
        self.drain = Drain(self.stage.sink, consumers, work_for=sink_work, clock=SystemClock(), owner="drain")
        self._do(self._clean())
        self.relays = {name: self._new_relay(name) for name in ("a", "b")}
        self._do(self.relays["a"].step())  # Now the publisher knows its subscriber, and keeps for it what it needs.

    def _do(self, what: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(what)

    async def _handle(self, mark: Mark, envelope: Envelope, work: LedgerWork) -> None:
        if envelope.event_id in self.ill:
            raise RuntimeError("ill")
        await note(mark, envelope, work)

    async def _clean(self) -> None:
        await self.owner.execute(
            "TRUNCATE source.outbox, source.outbox_retirements, source.feed_consumers, sink.deliveries, "
            "sink.delivery_partitions, sink.feed_cursors, sink.effects, sink.paused_subscriptions"
        )
        async with self.stage.sink.transaction() as connection:
            await partitions.register(connection, [NOTES])

    def _new_relay(self, name: str) -> Relay:
        relay = Relay(self.stage.sink, "source", [self.subscription], holder=name)
        self._do(relay.open())
        return relay

    # What a publisher does.

    @rule(key=_KEY, count=st.integers(1, 3), commit=_OFTEN, ill=_SELDOM, carried=_OFTEN)
    def publish(self, key: UUID, count: int, commit: bool, ill: bool, carried: bool) -> None:
        """One transaction with a few events of a key; the first may be one that its handler chokes on."""
        if self.held is not None and self.held[1] == key:
            return
        number = self.model.next_number(key)
        events = self._do(self._publish(key, number, count, commit))
        if commit:
            self.model.committed |= {event: (key, number + nth) for nth, event in enumerate(events)}
            self.ill |= set(events[:1]) if ill else set()
        if carried:
            self.relay("a", 5)

    async def _publish(self, key: UUID, number: int, count: int, commit: bool) -> list[UUID]:
        transaction = self.writers[0].transaction()
        await transaction.start()
        events = [await publish(self.writers[0], key, number + nth) for nth in range(count)]
        await (transaction.commit() if commit else transaction.rollback())
        return events

    @precondition(lambda self: self.held is None)
    @rule(key=_KEY)
    def hold(self, key: UUID) -> None:
        """A transaction that publishes, and stays open."""
        transaction = self.writers[1].transaction()
        self._do(transaction.start())
        number = self.model.next_number(key)
        self.held = (transaction, key, self._do(publish(self.writers[1], key, number)), number)

    @precondition(lambda self: self.held is not None)
    @rule(commit=_OFTEN)
    def let_go(self, commit: bool) -> None:
        """The open transaction ends."""
        assert self.held is not None
        (transaction, key, event, number), self.held = self.held, None
        self._do(transaction.commit() if commit else transaction.rollback())
        if commit:
            self.model.committed[event] = (key, number)

    # What relays do, and what befalls them.

    @rule(name=st.sampled_from(("a", "a", "b")), pages=st.integers(1, 5))
    def relay(self, name: str, pages: int) -> None:
        """A relay takes steps."""
        while self._do(self.relays[name].step()) and pages > 1:
            pages -= 1

    @rule(change=st.sampled_from((SILENT, SILENT, SET_BACK, RESTORED)), replaced=st.sampled_from(("a", "b")))
    def something_befalls_the_relays(self, change: str, replaced: str) -> None:
        """A process was silent for too long and was replaced; or somebody changed the cursor under it.

        Who goes back to events that are retired is told so (`feed_expired`) and carries nothing more.
        """
        if change != SILENT and self._do(self.owner.fetchval(_IS_RETIRED)):
            return
        self._sql(f"UPDATE sink.feed_cursors SET {change}")
        self.relays[replaced] = self._new_relay(replaced)

    # What workers do, and what befalls them.

    @rule(key=_KEY, rounds=st.integers(1, 3))
    def drains(self, key: UUID, rounds: int) -> None:
        """A worker follows a hint, and hints at the retries that follow from it."""
        self._do(self.drain(Hint("sink", NOTES, self._partition(key))))
        for _ in range(rounds - 1):
            self.time_passes(leases=False, retries=True)
            self._do(self.drain(Hint("sink", NOTES, self._partition(key))))

    @rule(key=_KEY, limit=st.integers(1, 3))
    def stalls(self, key: UUID, limit: int) -> None:
        """A worker claims, and is heard of no more."""
        stalled = self._do(self._claim(self._partition(key), limit))
        if stalled is not None and stalled.batch:
            self.stalled.append(stalled)

    async def _claim(self, partition: int, limit: int) -> Stalled | None:
        async with self.stage.sink.transaction() as connection:
            claim = await partitions.take(connection, NOTES, partition, owner="stalled")
            if claim is None:
                return None
            return Stalled(claim, await deliveries.claim_batch(connection, claim, ordered=True, limit=limit))

    @precondition(lambda self: self.stalled)
    @rule(nth=st.integers(0, 5), overtaken=st.booleans())
    def wakes(self, nth: int, overtaken: bool) -> None:
        """A stalled worker goes on as if nothing had happened, and commits if the ledger lets it."""
        stalled = self.stalled.pop(nth % len(self.stalled))
        if overtaken:
            self.time_passes(leases=True, retries=False)
            self._do(self.drain(Hint("sink", NOTES, stalled.claim.partition)))
        self._do(self._complete(stalled))

    async def _complete(self, stalled: Stalled) -> None:
        try:
            async with self.stage.sink.transaction() as connection:
                for delivery in stalled.batch:
                    await note(Mark(**delivery.payload), delivery.envelope, sink_work(connection))
                await deliveries.complete(connection, stalled.claim, [delivery.id for delivery in stalled.batch])
                await partitions.release(connection, stalled.claim)
        except FencedError:
            pass

    @rule(leases=st.booleans(), retries=st.booleans())
    def time_passes(self, leases: bool, retries: bool) -> None:
        """Holders of partitions were silent for too long; retries fall due."""
        if leases:
            self._sql("UPDATE sink.delivery_partitions SET expires_at = least(expires_at, clock_timestamp())")
        if retries:
            self._sql("UPDATE sink.deliveries SET next_at = clock_timestamp() WHERE state = 'retry_wait'")

    @rule(rounds=st.integers(1, 2))
    def weeks_pass(self, rounds: int) -> None:
        """The range that fills is full, and housekeeping drops whatever nobody needs any more."""
        for _ in range(rounds):
            self._sql(_RANGE_IS_FULL)
            self._do(self._housekeeping("source", self.stage.source).cut())
            self._sql("UPDATE source.outbox_ranges SET filled_at = filled_at - interval '30 days'")
            self._sql("UPDATE source.outbox SET occurred_at = occurred_at - interval '30 days'")
            self._sql("UPDATE sink.deliveries SET completed_at = completed_at - interval '60 days'")
            self._do(self._housekeeping("source", self.stage.source).retire())
            self._do(self._tidied())

    async def _tidied(self) -> None:
        housekeeping = self._housekeeping("sink", self.stage.sink)
        await housekeeping.open()
        await housekeeping.prune()

    def _housekeeping(self, context: str, database: Database) -> Housekeeping:
        consumers = consumers_of([self.subscription], []) if context == "sink" else {}
        return Housekeeping(database, consumers, keep_events=timedelta(days=7))

    # What befalls handlers, and what operators do about it.

    @precondition(lambda self: self.model.committed)
    @rule(nth=st.integers(0, 20))
    def falls_ill(self, nth: int) -> None:
        """From now on an event fails; once more, and it is cured."""
        self.ill ^= {self._event(nth)}

    @precondition(lambda self: self.model.committed)
    @rule(nth=st.integers(0, 20), action=st.sampled_from((Action.RETRY, Action.RETRY, Action.SKIP, Action.DISCARD)))
    def operator_decides(self, nth: int, action: Action) -> None:
        """An operator has an event tried again, or lets its followers go on without it."""
        event = self._event(nth)
        if self._steer(action, event):
            self.model.decided(event, retried=action is Action.RETRY)

    @rule(how=st.sampled_from((pausing.pause, pausing.resume, pausing.resume)))
    def operator_pauses(self, how: Any) -> None:
        """An operator stops the subscription, or lets it go on."""
        self._do(self._decided(lambda connection: how(connection, NOTES, BY)))

    def _steer(self, action: Action, *events: UUID) -> int:
        which = DeliveryFilter(ids=events)
        return self._do(self._decided(lambda connection: steering.decide(connection, action, which, BY))).changed

    async def _decided(self, how: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        async with self.stage.sink.transaction() as connection:
            return await how(connection)

    # What must hold.

    @invariant()
    def every_effect_is_rightful(self) -> None:
        complaints = self.model.complaints(self._effects())
        assert not complaints, complaints

    def teardown(self) -> None:
        """Everything heals; then nothing may be missing."""
        if self.held is not None:
            self.let_go(commit=True)
        self.ill.clear()
        self.operator_pauses(pausing.resume)
        for _ in range(20):
            self.time_passes(leases=True, retries=True)
            self._sql(f"UPDATE sink.feed_cursors SET {SILENT}")
            while self._do(self.relays["a"].step()):
                pass
            self._steer(Action.RETRY, *(self.model.committed.keys() - self.model.abandoned))
            for key in KEYS:
                self.drains(key, rounds=1)
            if not self._missing():
                break
        self.every_effect_is_rightful()
        assert not self._missing(), f"lost or stuck: {self._missing()}, {self._do(self.stage.states())}"

    def _missing(self) -> list[tuple[UUID, int]]:
        done = {event for event, _key, _number in self._effects()}
        return [self.model.committed[event] for event in self.model.committed.keys() - done - self.model.abandoned]

    def _effects(self) -> list[tuple[UUID, UUID, int]]:
        rows = self._do(self.owner.fetch("SELECT event_id, key, number FROM sink.effects ORDER BY id"))
        return [tuple(row) for row in rows]

    def _event(self, nth: int) -> UUID:
        events = list(self.model.committed)
        return events[nth % len(events)]

    def _partition(self, key: UUID) -> int:
        return int(hashlib.md5(str(key).encode()).hexdigest()[:8], 16) % PARTITIONS

    def _sql(self, statement: str) -> None:
        self._do(self.owner.execute(statement))
