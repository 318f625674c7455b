"""Experiment 41: with every connection of a pool held, callers hear so in time, and the pool recovers."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from hedgerow_core.persistence.database import POOL_SIZE
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import member, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.laboratory.starved import left_over, locked, most_waiting, operator_of

WITHIN_S = 1.2 if LONG else 5.0
"""In the short tier other tests run beside this one."""
UNTHROTTLED = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "100000"}


@pytest.mark.parametrize("mutant", with_twins("waits_for_connections"))
async def test_who_finds_no_connection_hears_so_in_time_and_the_pool_recovers(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    late = size("starved.calls")
    async with serving(shared_production, **UNTHROTTLED, **settings) as (node,):
        somebody = await member(node.client)
        operator = await operator_of(shared_production, str(node.client.base_url))

        async def timed(path: str) -> tuple[httpx.Response, float]:
            started = time.monotonic()
            answer = await node.client.get(path, headers=somebody.headers)
            return answer, time.monotonic() - started

        async def starve(calls: int) -> tuple[int, list[tuple[httpx.Response, float]], list[httpx.Response]]:
            async with locked(shared_production, "users.accounts"):
                holding = [asyncio.create_task(timed("/v1/users/me")) for _ in range(POOL_SIZE)]
                held = await most_waiting(shared_production, "users", POOL_SIZE)
                paths = ["/livez", "/v1/billing/invoices", *["/v1/users/me"] * calls]
                answers = await asyncio.gather(*map(timed, paths))
            return held, answers, [answer for answer, _took in await asyncio.gather(*holding)]

        held, (alive, neighbour, *refused), finished = await starve(late)
        held_again, _answers, finished_again = await starve(0)
        left = await left_over(shared_production, node.client, operator)

    told = [answer for answer, _took in refused if _is_told(answer)]
    slowest = max(took for _answer, took in refused)
    served = [answer for answer in [*finished, *finished_again] if answer.is_success]
    clean = (
        held == held_again == POOL_SIZE
        and len(told) == late
        and slowest <= WITHIN_S
        and (alive[0].status_code, neighbour[0].status_code) == (200, 200)
        and len(served) == POOL_SIZE * 2
        and not left
    )
    line = (
        f"{len(told)} of {late} heard 503 with Retry-After, the slowest after {slowest:.2f} s; meanwhile /livez "
        f"{alive[0].status_code} after {alive[1] * 1000:.0f} ms, a neighbour {neighbour[0].status_code}; "
        f"{len(served)} of {POOL_SIZE * 2} that held a connection were served; {held_again} of {POOL_SIZE} "
        f"connections can be held again, left over {left}"
    )
    verdict("41 starved pool", Measured(clean, line), seed=seed, mutant=mutant)


def _is_told(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and int(answer.headers.get("Retry-After", 0)) > 0
