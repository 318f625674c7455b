"""Experiment 36: sockets that dawdle over headers, bodies or answers are closed; everybody else is served."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT, PATIENCE_S
from tests.faults.laboratory.front import Node, member, serving, steadily
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.ledger_load.pace import quantile

SHORT_PATIENCE_S = 2.0
DEADLINES_S = {"headers": 5.0, "body": 30.0, "answer": 60.0} if LONG else dict.fromkeys(("headers", "body"), 2.0)
"""`answer`: within the deadline it must have been read a little, and is looked at once more."""
DEADLINES_S.setdefault("answer", 2 * SHORT_PATIENCE_S)
SLACK_S = 5.0
MUTANT_WAITS_S = SHORT_PATIENCE_S + SLACK_S
SLOWER_AT_MOST, NOT_SLOW_S = (2.0, 0.0) if LONG else (25.0, 2.0)
"""In the short tier other tests run beside this one."""
RATE = 50.0
BEGUN_AFTER_S = 2.0
"""By then a Python has started, and everybody is connected."""


@pytest.mark.parametrize("mutant", with_twins("listens_for_ever"))
async def test_who_dawdles_is_hung_up_on_and_the_others_are_served(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    if not LONG and not mutant:
        settings[PATIENCE_S] = str(SHORT_PATIENCE_S)
    waits_s = {kind: MUTANT_WAITS_S if mutant else deadline + SLACK_S for kind, deadline in DEADLINES_S.items()}
    async with serving(shared_production, **settings) as (node,):
        somebody = await member(node.client)

        async def call() -> None:
            (await node.client.get("/v1/users/me", headers=somebody.headers)).raise_for_status()

        await steadily(call, per_second=RATE, seconds=1)
        quiet = await steadily(call, per_second=RATE, seconds=5 if LONG else 2)
        async with dawdlers(node, seed, waits_s) as process:
            await asyncio.sleep(BEGUN_AFTER_S)
            crowded = await steadily(call, per_second=RATE, seconds=10 if LONG else 2)
            said, _ = await process.communicate()
    closed_after: list[float | None] = json.loads(said)

    closed = sum(seconds is not None for seconds in closed_after)
    before, during = quantile(quiet, 0.99), quantile(crowded, 0.99)
    line = (
        f"{closed} of {len(closed_after)} were closed; of {len(crowded)} calls meanwhile none failed, "
        f"p99 {before * 1000:.1f} → {during * 1000:.1f} ms"
    )
    clean = closed == len(closed_after) and during <= max(SLOWER_AT_MOST * before, NOT_SLOW_S)
    verdict("36 slow clients", Measured(clean, line), seed=seed, mutant=mutant)


@asynccontextmanager
async def dawdlers(
    node: Node, seed: int, waits_s: Mapping[str, float]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """All of them, at it. What they say at their end is for how long the server put up with each."""
    wanted = [f"{kind}:{size(f'slow_clients.{kind}')}:{within_s}" for kind, within_s in waits_s.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.laboratory.dawdlers", str(node.port), str(seed), *wanted, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
