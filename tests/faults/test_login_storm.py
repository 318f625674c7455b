"""Logging in is dear on purpose; who asks for fifty logins a second slows nobody else down."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.cheap_hashing import AS_IN_PRODUCTION
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import PASSWORD, member, serving, steadily, told
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.ledger_load.pace import quantile

SLOWER_AT_MOST = 3.0 if LONG else 25.0
"""In the short tier other tests run beside this one."""
UNTHROTTLED = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "100000"}
WITHIN_REASON = {200, 401, 429, 503}


@pytest.mark.parametrize("mutant", with_twins("hashes_on_the_loop"))
async def test_a_storm_of_logins_slows_nobody_down(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = AS_IN_PRODUCTION | ({MUTANT: mutant} if mutant else {})
    seconds, calls_per_s = size("login_storm.seconds"), size("login_storm.calls_per_second")
    answers: Counter[int] = Counter()
    others: Counter[int] = Counter()
    async with serving(shared_production, **UNTHROTTLED, **settings) as (node,):
        somebody = await member(node.client)
        guests = [(await member(node.client)).email for _ in range(20)]

        async def call() -> None:
            others.update([(await node.client.get("/v1/users/me", headers=somebody.headers)).status_code])

        async def log_in() -> None:
            body = {"email": guests[answers.total() % len(guests)], "password": PASSWORD}
            answers.update([(await node.client.post("/v1/users/login", json=body)).status_code])

        await steadily(call, per_second=calls_per_s, seconds=1)
        quiet = await steadily(call, per_second=calls_per_s, seconds=seconds)
        stormy, _ = await asyncio.gather(
            steadily(call, per_second=calls_per_s, seconds=seconds),
            steadily(log_in, per_second=calls_per_s, seconds=seconds),
        )

    before, during = quantile(quiet, 0.99), quantile(stormy, 0.99)
    line = (
        f"p99 of GET /v1/users/me {before * 1000:.1f} → {during * 1000:.1f} ms, answered {told(others)}; "
        f"meanwhile logins were answered {told(answers)}"
    )
    clean = during <= SLOWER_AT_MOST * before and set(answers) <= WITHIN_REASON and set(others) == {200}
    verdict("28 login storm", Measured(clean, line), seed=seed, mutant=mutant)
