"""Experiment 3: processes end at named points of the product; whoever comes next finds all as it should be."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.faults.laboratory import crash_points
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.child import CRASH_POINT, LEASE_S, MUTANT, TRACE
from tests.faults.laboratory.crash_points import (
    CRASH_POINTS,
    IN_API,
    IN_SINK_WORKER,
    IN_SOURCE_WORKER,
    KILLED,
    MOVE_POINTS,
)
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size

KEYS = 4
EVENTS = 64
"""A round of marks: 16 a key, so that one of each key fails at first and has followers in its batch."""
SHORT_LEASE = {LEASE_S: "1"}
DRAINED_WITHIN_S = 30.0 if LONG else 120.0
QUIET_S = 6.0
"""What has not moved for so long, with leases of a second, does not move any more."""
PLACEMENTS = {
    "both": (IN_SINK_WORKER, None),
    "sink": (IN_SINK_WORKER, "source"),
    "source": (IN_SOURCE_WORKER, "sink"),
}
"""By the contexts of the worker that dies: its points, and what a sound worker beside it hosts."""


def sample(points: Sequence[str], seed: int) -> list[str]:
    """All points in the long tier, some in the short one, each to be passed once to three times."""
    dice = random.Random(seed)
    chosen = dice.sample(points, min(size("crash_points.sample"), len(points)))
    return [f"{point}:{dice.randint(1, 3)}" for point in chosen for _ in range(size("crash_points.repeats"))]


async def die_at_each(bench: Bench, load: Load, points: Sequence[str], **settings: str) -> None:
    """One worker after the other finds work and dies at its point."""
    for point in points:
        await load.publish(bench.source, EVENTS)
        worker = bench.supervisor.worker(**settings, **{CRASH_POINT: point})
        assert await bench.supervisor.died(worker, point) == KILLED, f"{point}:\n{worker.output}"


@pytest.mark.parametrize("placement", PLACEMENTS if LONG else ["both"])
async def test_a_worker_may_die_anywhere(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    placement: str,
) -> None:
    points, beside = PLACEMENTS[placement]
    chosen, load = sample(points, seed), Load(seed, keys=KEYS)
    async with laboratory(laboratory_database, redis_url, tmp_path, **SHORT_LEASE) as bench:
        if beside is not None:
            bench.supervisor.worker(HEDGEROW_CONTEXTS=beside)
        hosted = "source,sink" if placement == "both" else placement
        await die_at_each(bench, load, chosen, HEDGEROW_CONTEXTS=hosted)
        bench.supervisor.worker(HEDGEROW_CONTEXTS=hosted)
        await bench.supervisor.ready()
        rest_s = await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=15)
        finding, history = await bench.judged(load.history)
    facts = {"placement": placement, "crashes": len(chosen), "drained_s": round(rest_s, 1)}
    verdict("3 crash points", finding, seed=seed, history=history, **facts)


async def test_an_api_may_die_anywhere(
    laboratory_database: DatabaseAddress, redis_url: str, tmp_path: Path, verdict: Records, seed: int
) -> None:
    chosen = sample(IN_API, seed) if LONG else sample(IN_API, seed)[:1]
    load, port = Load(seed, keys=KEYS), free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        laboratory(laboratory_database, redis_url, tmp_path, **SHORT_LEASE) as bench,
        httpx.AsyncClient(base_url=url, timeout=5) as client,
    ):
        publishing = asyncio.create_task(load.publish_over_http(client, EVENTS * (len(chosen) + 1)))
        for point in chosen:
            api = bench.supervisor.start("api", "--port", str(port), **{CRASH_POINT: point})
            assert await bench.supervisor.died(api, point) == KILLED, f"{point}:\n{api.output}"
        bench.supervisor.start("api", "--port", str(port))
        bench.supervisor.worker()
        await publishing
        await bench.supervisor.ready()
        await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=15)
        finding, history = await bench.judged(load.history)
    facts = {"placement": "api", "crashes": len(chosen), "requests": len(load.history)}
    verdict("3 crash points", finding, seed=seed, history=history, **facts)


@pytest.mark.parametrize(
    ("mutant", "point", "shows"),
    [
        ("cursor_before_carry", "relay_before_carry", "lost"),
        ("effect_apart_from_state", "complete_after", "duplicate"),
    ],
)
async def test_a_crash_shows_what_does_not_commit_together(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str,
    point: str,
    shows: str,
) -> None:
    load, broken = Load(seed, keys=KEYS), {MUTANT: mutant, "HEDGEROW_CONTEXTS": "sink"}
    async with laboratory(laboratory_database, redis_url, tmp_path, **SHORT_LEASE) as bench:
        await die_at_each(bench, load, [point], **broken)
        bench.supervisor.worker()
        await bench.supervisor.ready()
        await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=QUIET_S)
        finding, history = await bench.judged(load.history)
    verdict("3 crash points", finding, seed=seed, mutant=mutant, shows=shows, history=history, point=point)


async def test_every_point_is_passed(
    laboratory_database: DatabaseAddress, redis_url: str, tmp_path: Path, seed: int
) -> None:
    """Else a crash point that the product no longer passes would look like one that does no harm."""
    passed, load, port = tmp_path / "passed", Load(seed, keys=KEYS), free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        laboratory(laboratory_database, redis_url, tmp_path, **{TRACE: str(passed)}) as bench,
        httpx.AsyncClient(base_url=url, timeout=5) as client,
    ):
        bench.supervisor.start("api", "--port", str(port))
        await load.publish_over_http(client, EVENTS)
        bench.supervisor.worker()
        await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=15)
        bench.supervisor.end()
    assert set(passed.read_text().split()) == set(CRASH_POINTS)


@pytest.mark.parametrize("name", [*CRASH_POINTS, *MOVE_POINTS])
def test_every_point_names_a_function_of_the_product(name: str) -> None:
    owner, attribute = crash_points.owner_of(name)
    assert callable(getattr(owner, attribute))


def test_a_point_that_the_product_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CRASH_POINTS, "gone", ("hedgerow_core.messaging.relay", "Relay.no_such_step", "before"))
    with pytest.raises(AttributeError, match="no_such_step"):
        crash_points.at_nth("gone", crash_points.crash)
    with pytest.raises(KeyError):
        crash_points.at_nth("never_named", crash_points.crash)
