"""Experiment 40: at five times the capacity as much is done as ever; the others are told when to come again."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE

import psutil
import pytest

from hedgerow_core.testing.servers import LOCALHOST
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT, TAKES_S
from tests.faults.laboratory.crowd import Heard
from tests.faults.laboratory.front import Member, Node, member, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.ledger_load.pace import quantile

TIMES = 5
AT_ONCE = 50 if LONG else 10
CONNECTIONS = 1_000 if LONG else 200
"""As many as a proxy in front keeps. Who may open any number can fill any line."""
GOODPUT_AT_LEAST = 0.9 if LONG else 0.3
"""In the short tier other tests run beside this one, so a request takes a fixed time that needs no processor."""
SETTINGS = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "10000000"} | (
    {} if LONG else {TAKES_S: "0.1", "HEDGEROW_REQUESTS_AT_ONCE": str(AT_ONCE)}
)
RECOVERS_WITHIN_S = 10.0
PROBES_PER_S = 5.0
TURNED_AWAY = "503 overloaded"
TOLD = {"200", TURNED_AWAY, "503 database_busy"}


@pytest.mark.parametrize("mutant", with_twins("takes_every_request"))
async def test_at_five_times_the_capacity_as_much_is_done_as_ever(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = SETTINGS | ({MUTANT: mutant} if mutant else {})
    seconds = size("overload.seconds")
    async with serving(shared_production, **settings) as (node,):
        somebody = await member(node.client)
        started_at = processor_s(node)
        peak = await crowd(node, somebody, seconds=max(2.0, seconds / 6), callers=min(AT_ONCE, 32))
        capacity, cost = peak.served_in_time / peak.seconds, processor_s(node) - started_at
        probing = asyncio.create_task(probes(node, seconds))
        flood = await crowd(node, somebody, seconds=seconds, callers=CONNECTIONS, per_second=TIMES * capacity)
        unanswered = await probing
        cost_of_flood = processor_s(node) - started_at - cost
        after = await crowd(
            node, somebody, seconds=max(2.0, seconds / 6), callers=min(AT_ONCE, 32), per_second=capacity / 4
        )

    goodput = flood.served_in_time / flood.seconds / capacity
    times = flood.sent / flood.seconds / capacity
    p50, p99 = (quantile(flood.served_after_s, share) * 1000 for share in (0.5, 0.99))
    per_served = cost / len(peak.served_after_s)
    per_refused = (cost_of_flood - per_served * len(flood.served_after_s)) / max(
        1, flood.statuses.get(TURNED_AWAY, 0)
    )
    clean = (
        goodput >= GOODPUT_AT_LEAST
        and flood.statuses.get(TURNED_AWAY, 0) > 0
        and flood.without_retry_after == 0
        and set(flood.statuses) <= TOLD
        and after.bad_until_s <= RECOVERS_WITHIN_S
        and not unanswered
    )
    line = (
        f"capacity {capacity:.0f}/s; of {TIMES} times as many that were due, {times:.1f} times were sent: goodput "
        f"{goodput:.0%}, served p50 {p50:.0f} ms, p99 {p99:.0f} ms; heard {flood.statuses}, "
        f"{flood.without_retry_after} without Retry-After; {unanswered} probes failed; {after.bad_until_s:.1f} s "
        f"later all were served again"
    )
    costs = {"a_served_one_costs_ms": f"{per_served * 1000:.2f}", "a_refused_one": f"{per_refused * 1000:.2f}"}
    verdict("40 overload", Measured(clean, line), seed=seed, mutant=mutant, **costs)


async def crowd(node: Node, who: Member, *, seconds: float, callers: int, per_second: float = 0.0) -> Heard:
    """Have so many ask who they are."""
    fields = {"Host": LOCALHOST, **who.headers}
    lines = ["GET /v1/users/me HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    arguments = [str(node.port), str(seconds), str(callers), str(per_second)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.laboratory.crowd", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        said, _ = await process.communicate("\r\n".join(lines).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Heard(**json.loads(said))


def processor_s(node: Node) -> float:
    """How much of a processor the API has used so far."""
    times = psutil.Process(node.process.pid).cpu_times()
    return float(times.user + times.system)


async def probes(node: Node, seconds: float) -> int:
    """How many probes got another answer than 200, meanwhile."""
    failed = 0
    for _ in range(int(seconds * PROBES_PER_S)):
        failed += not (await node.client.get("/livez")).is_success
        await asyncio.sleep(1 / PROBES_PER_S)
    return failed
