"""Experiment 40: at five times the capacity as much is done as ever; the others are told when to come again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass

import psutil
import pytest

from hedgerow_core.http.admission import WAIT_S
from hedgerow_core.testing.servers import LOCALHOST
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT, TAKES_S
from tests.faults.laboratory.crowd import Crowd, Heard
from tests.faults.laboratory.front import Member, Node, member, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.ledger_load.pace import quantile

TIMES = 5
SENT_AT_LEAST = 0.98 if LONG else 0.5
"""Of what was due: with less it is not five times the capacity. In the short tier others use the processor, too."""
AT_ONCE = 50 if LONG else 10
CALLERS = 2_000 if LONG else 300
"""More than run and wait in line together, so that some come when the line is full."""
INVOICES = 50 if LONG else 1
"""So many are on the page that is asked for: some 3 ms of the server's processor time."""
GOODPUT_AT_LEAST = 0.9 if LONG else 0.3
"""In the short tier other tests run beside this one, so a request takes a fixed time that needs no processor."""
SETTINGS = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "10000000"} | (
    {} if LONG else {TAKES_S: "0.1", "HEDGEROW_REQUESTS_AT_ONCE": str(AT_ONCE)}
)
SHORT_TIER_S = 10.0
"""For 99 of 100 of those that are served, from when they were due. In the long tier: the time of the line, and
twice what those take who run at once, at the capacity of that machine at that moment."""
RECOVERS_WITHIN_S = 10.0
WARM_UP_S = 5.0 if LONG else 1.0
PROBES_PER_S = 5.0
TURNED_AWAY = "503 overloaded"
TOLD = {"200", TURNED_AWAY, "503 database_busy"}
NEW_INVOICE = {
    "currency": "EUR",
    "lines": [
        {"description": "Hawthorn sapling", "quantity": 2, "unit_price": 1250, "tax_rate": "19"},
        {"description": "Delivery", "quantity": 1, "unit_price": 990, "tax_rate": "19"},
    ],
}


@pytest.mark.parametrize("mutant", with_twins("takes_every_request"))
async def test_at_five_times_the_capacity_as_much_is_done_as_ever(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = SETTINGS | ({MUTANT: mutant} if mutant else {})
    seconds = size("overload.seconds")
    aside = max(2.0, seconds / 6)
    async with serving(shared_production, **settings) as (node,):
        somebody = await member(node.client)
        await invoiced(node, somebody)
        pin(node)
        await crowd(node, somebody, seconds=WARM_UP_S, callers=min(AT_ONCE, 32))
        before = await at_the_peak(node, somebody, aside)
        probing = asyncio.create_task(probes(node, seconds))
        started_at = processor_s(node)
        flood = await crowd(node, somebody, seconds=seconds, callers=CALLERS, per_second=TIMES * before.per_s)
        cost_of_flood = processor_s(node) - started_at
        unanswered = await probing
        recovering = await crowd(
            node, somebody, seconds=aside, callers=min(AT_ONCE, 32), per_second=before.per_s / 4
        )
        # On both sides of the flood: the same processor is not as fast in each minute.
        peak = before + await at_the_peak(node, somebody, aside)

    capacity = peak.per_s
    served_within_s = WAIT_S + 2 * AT_ONCE / capacity if LONG else SHORT_TIER_S
    goodput = flood.served_in_time / flood.seconds / capacity
    times = flood.sent / flood.seconds / before.per_s
    p50, p99 = (quantile(flood.served_after_s, share) for share in (0.5, 0.99))
    per_served = peak.cost_s / peak.served
    turned_away = flood.statuses.get(TURNED_AWAY, 0)
    per_refused = (cost_of_flood - per_served * len(flood.served_after_s)) / max(1, turned_away)
    clean = (
        times >= SENT_AT_LEAST * TIMES
        and goodput >= GOODPUT_AT_LEAST
        and p99 <= served_within_s
        and turned_away > 0
        and flood.without_retry_after == 0
        and set(flood.statuses) <= TOLD
        and recovering.bad_until_s <= RECOVERS_WITHIN_S
        and not unanswered
    )
    line = (
        f"capacity {capacity:.0f}/s; {times:.1f} times as many were sent: goodput {goodput:.0%}, served p50 "
        f"{p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms (at most {served_within_s * 1000:.0f} ms); heard "
        f"{flood.statuses}, {flood.without_retry_after} without Retry-After; {unanswered} probes failed; "
        f"{recovering.bad_until_s:.1f} s later all were served again"
    )
    costs = {"a_served_one_costs_ms": f"{per_served * 1000:.2f}"}
    if turned_away:
        costs["a_refused_one_ms"] = f"{per_refused * 1000:.3f}"
    verdict("40 overload", Measured(clean, line), seed=seed, mutant=mutant, **costs)


@dataclass(frozen=True, slots=True)
class Peak:
    """What is served, and takes the server how much of its processor, when as many ask as it can serve."""

    served: int
    seconds: float
    cost_s: float

    @property
    def per_s(self) -> float:
        """The capacity."""
        return self.served / self.seconds

    def __add__(self, other: Peak) -> Peak:
        return Peak(self.served + other.served, self.seconds + other.seconds, self.cost_s + other.cost_s)


async def at_the_peak(node: Node, who: Member, seconds: float) -> Peak:
    """Measure it with callers who ask again as soon as they are answered."""
    started_at = processor_s(node)
    heard = await crowd(node, who, seconds=seconds, callers=min(AT_ONCE, 32))
    return Peak(heard.served_in_time, heard.seconds, processor_s(node) - started_at)


async def invoiced(node: Node, who: Member) -> None:
    """Give them what they will ask for."""
    for _ in range(INVOICES):
        answer = await node.client.post("/v1/billing/invoices", json=NEW_INVOICE, headers=who.headers)
        assert answer.is_success, answer.text


def pin(node: Node) -> None:
    """The server on a core of its own, and who calls on the others: neither takes from the other."""
    if LONG:
        psutil.Process(node.process.pid).cpu_affinity(CORES[:1])


CORES = sorted(os.sched_getaffinity(0))


async def crowd(node: Node, who: Member, *, seconds: float, callers: int, per_second: float = 0.0) -> Heard:
    """Have so many ask for their invoices."""
    fields = {"Host": LOCALHOST, **who.headers}
    path = f"/v1/billing/invoices?limit={INVOICES}"
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    wanted = Crowd(
        host=LOCALHOST,
        port=node.port,
        request="\r\n".join(lines),
        seconds=seconds,
        callers=callers,
        per_second=per_second,
        cores=tuple(CORES[1:]) if LONG else (),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.laboratory.crowd", stdin=PIPE, stdout=PIPE
    )
    try:
        said, _ = await process.communicate(json.dumps(asdict(wanted)).encode())
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
