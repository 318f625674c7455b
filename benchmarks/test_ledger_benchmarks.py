"""The benchmarks measure what they say: a slowed subject misses its floor, a wrong count gives no figure at all."""

import os
from collections.abc import Iterator

import pytest

from benchmarks.ground import Ground, prepared
from benchmarks.measure import Result, Series, alternating, ratio_of, table


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with prepared() as ground, pytest.MonkeyPatch.context() as patch:
        for name in ("HEDGEROW_DATABASE_URL", "HEDGEROW_BROKER_URL"):
            patch.setitem(os.environ, name, ground.environment[name])
        yield ground


async def test_sides_take_turns() -> None:
    turns: list[str] = []

    async def side(name: str) -> float:
        turns.append(name)
        return len(turns)

    measured = await alternating({"a": lambda: side("a"), "b": lambda: side("b")}, rounds=2)
    assert turns == ["a", "b", "a", "b"]
    assert measured == {"a": Series((1, 3)), "b": Series((2, 4))}


def test_a_ratio_compares_within_rounds_so_that_a_slow_minute_cancels_out() -> None:
    assert ratio_of(Series((300, 30, 300)), Series((100, 10, 100))) == 3


@pytest.mark.parametrize(
    ("figure", "at_least", "at_most", "kept"),
    [
        (3.0, 3.0, None, True),
        (2.9, 3.0, None, False),
        (60.0, None, 60.0, True),
        (61.0, None, 60.0, False),
        (0.0, None, None, True),
    ],
)
def test_a_limit_is_kept_or_missed(
    figure: float, at_least: float | None, at_most: float | None, kept: bool
) -> None:
    result = Result(name="x", subject=Series((figure,)), unit="", figure=figure, at_least=at_least, at_most=at_most)
    assert result.kept is kept
    assert ("MISSED" in table([result])) is not kept


async def test_more_effects_than_events_give_no_figure(ground: Ground) -> None:
    from benchmarks.effects import clear, until_all

    await clear(ground)
    note = "INSERT INTO bare.effects (event_id, tree, number, variety, grams) VALUES ($1, $1, 1, '', 1)"
    for _ in range(2):
        await ground.row(note + " RETURNING id", "00000000-0000-0000-0000-000000000001")
    with pytest.raises(RuntimeError, match="1 events had 2 effects"):
        await until_all(ground, "bare", 1)


async def test_a_slow_ledger_misses_the_floor_of_throughput(ground: Ground) -> None:
    from benchmarks.throughput import throughput

    async with ground.slowed_down("press.effects", 0.02):
        (result,) = await throughput(ground, processes=1, events=900, rounds=1)
    assert not result.kept, result


async def test_a_slow_relay_misses_its_floor(ground: Ground) -> None:
    from benchmarks.relay_rate import relay_rate

    async with ground.slowed_down("press.deliveries", 0.001):
        (result,) = await relay_rate(ground, events=1_000, rounds=1)
    assert not result.kept, result


async def test_slow_effects_miss_the_limits_of_latency(ground: Ground) -> None:
    from benchmarks.latency import latency

    async with ground.slowed_down("press.effects", 0.3):
        results = await latency(ground, seconds=1, rounds=1)
    assert [result.kept for result in results] == [False] * 4, results


async def test_an_expensive_outbox_misses_the_limit_of_recording(ground: Ground) -> None:
    from benchmarks.recording import recording

    async with ground.slowed_down("orchard.outbox", 0.02):
        (result,) = await recording(ground, transactions=20, rounds=1)
    assert not result.kept, result
