"""Experiment 18: however often and wherever a request with a key arrives, it takes effect once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import Node, member, serving, told
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size

UNTHROTTLED = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000"}
DRAFT: dict[str, Any] = {"currency": "EUR", "lines": [{"description": "Hedge", "quantity": 1, "unit_price": 1999}]}
TRIES = 100
AGAIN_AFTER_S = 0.05
KEYS_AT_ONCE = 5


@pytest.mark.parametrize("mutant", [None, "forgets_answers"])
async def test_a_key_stands_for_one_invoice_however_often_and_wherever_it_arrives(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    keys, times = size("idempotency.keys"), size("idempotency.times")
    dice, statuses = random.Random(seed), Counter[int]()
    wrong: list[str] = []
    async with serving(shared_production, nodes=2, **UNTHROTTLED, **settings) as nodes:
        shopper = await member(nodes[0].client)
        room = asyncio.Semaphore(KEYS_AT_ONCE)

        async def one() -> None:
            key = str(uuid4())
            async with room:
                answers = await asyncio.gather(
                    *(
                        answered(dice.choice(nodes), {**shopper.headers, "Idempotency-Key": key}, statuses)
                        for _ in range(times)
                    )
                )
            if len({answer.content for answer in answers}) > 1:
                wrong.append(key)

        await asyncio.gather(*(one() for _ in range(keys)))
        mine = (await nodes[0].client.get("/v1/users/me", headers=shopper.headers)).json()["id"]

    made = await invoices_of(shared_production, mine)
    line = (
        f"{keys} keys, {times} times each, to 2 processes: {made} invoices, {len(wrong)} with several answers; "
        f"answered {told(statuses)}"
    )
    clean = made == keys and not wrong and set(statuses) <= {201, 409}
    verdict("18 idempotency", Measured(clean, line), seed=seed, mutant=mutant)


async def answered(node: Node, headers: dict[str, str], statuses: Counter[int]) -> httpx.Response:
    """The answer, asked for again while the request is in flight elsewhere."""
    for _ in range(TRIES):
        answer = await node.client.post("/v1/billing/invoices", json=DRAFT, headers=headers)
        statuses.update([answer.status_code])
        if answer.status_code != httpx.codes.CONFLICT:
            break
        await asyncio.sleep(AGAIN_AFTER_S)
    return answer


async def invoices_of(production: Production, customer: str) -> int:
    connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
    try:
        return int(
            await connection.fetchval("SELECT count(*) FROM billing.invoices WHERE customer_id = $1", customer)
        )
    finally:
        await connection.close()
