"""Experiment 11: the whole history is carried three times more, and nothing happens again."""

from __future__ import annotations

from contextlib import AbstractContextManager
from unittest import mock

from sqlalchemy import text

from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import Drain, Relay, consumers_of, relay
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import work_off_all
from tests.faults.laboratory.checker import Verdict
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.faults.ledger_load.stage import Stage, ledger_stage, noting, sink_work
from tests.faults.ledger_load.writers import Load

EXPERIMENT = "11 redelivery"
MUTANT_COMMITS = 200

FROM_THE_BEGINNING = "UPDATE feed_cursors SET snapshot = '1:1:', target = NULL, after_id = 0, holder = NULL"
INTO_ANOTHER_CLUSTER = "UPDATE feed_cursors SET system_identifier = 1, holder = NULL"
AGAIN = (FROM_THE_BEGINNING, FROM_THE_BEGINNING, INTO_ANOTHER_CLUSTER)

IDENTITY, ANY_ID = "SELECT o.event_id,", "SELECT gen_random_uuid(),"
_PLACE = text("SELECT snapshot FROM feed_cursors")


async def test_history_that_is_carried_again_has_no_further_effect(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        found, facts = await carried_four_times(stage, seed, size("redelivery.events"))

    verdict(EXPERIMENT, found, seed=seed, **facts)


async def test_without_the_events_identity_history_repeats_itself(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        with carrying_under_any_id():
            found, facts = await carried_four_times(stage, seed, MUTANT_COMMITS)

    verdict(EXPERIMENT, found, seed=seed, mutant="deliveries under ids of their own", **facts)


async def carried_four_times(stage: Stage, seed: int, commits: int) -> tuple[Verdict, dict[str, int]]:
    """Carry a history and let it take effect, then three times more; counts the effects after the first time."""
    published = await Load(stage, seed, commits).run()
    await _carry_all(stage)
    first = len(await stage.effects())
    for change in AGAIN:
        async with stage.sink.transaction() as connection:
            await connection.execute(text(f"{change}, expires_at = '-infinity'"))
            before = (await connection.execute(_PLACE)).scalar_one()
        after = await _carry_all(stage)
        assert after not in (before, "1:1:", "rescan"), "the relay did not read the history again"
    return await stage.judged(published), {"effects": first, "further_effects": len(await stage.effects()) - first}


async def _carry_all(stage: Stage) -> str:
    """Carry and work off everything; returns where the cursor is then."""
    wanted = noting()
    consumers = consumers_of([wanted], [])
    carrier = Relay(stage.sink, "source", [wanted], holder="a")
    await carrier.open()
    while await carrier.step():
        pass
    await work_off_all(
        stage.sink, consumers, Drain(stage.sink, consumers, work_for=sink_work, clock=SystemClock(), owner="a")
    )
    async with stage.sink.reading() as connection:
        return str((await connection.execute(_PLACE)).scalar_one())


def carrying_under_any_id() -> AbstractContextManager[object]:
    """A relay that gives each delivery an identity of its own, instead of the event's."""
    sound = relay._carry_from

    def broken(*arguments: str) -> str:
        statement = sound(*arguments)
        assert IDENTITY in statement
        return statement.replace(IDENTITY, ANY_ID)

    return mock.patch.object(relay, "_carry_from", broken)
