"""Experiment 20: however many refunds of a payment are asked for at once, no more goes back than came in."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import Production, migrated_production, with_role
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import Member, Node, member, serving, told
from tests.faults.laboratory.money_mutants import refunds_without_lock
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.story import expect

UNTHROTTLED = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000", "BILLING_SANDBOX_LATENCY_S": "0"}
CAPTURED = 10_000
TRIES = 100
MUTANT_PAYMENTS = 4
SETTLED_WITHIN_S = 600.0

_OPEN = """
    SELECT (SELECT count(*) FROM billing.refunds WHERE status IN ('pending', 'unknown'))
         + (SELECT count(*) FROM billing.payments WHERE status IN ('pending', 'unknown'))
"""
_PAID = """
    SELECT p.amount AS captured,
        coalesce((SELECT sum(r.amount) FROM billing.refunds r
                  WHERE r.payment_id = p.id AND r.status <> 'failed'), 0)::bigint AS back,
        (SELECT sum(amount) FROM billing.postings b
         WHERE b.invoice_id = p.invoice_id AND account = 'gateway')::bigint AS left_by_the_books,
        coalesce((SELECT sum(n.amount) FROM billing.credit_notes n
                  WHERE n.invoice_id = p.invoice_id), 0)::bigint AS documented
    FROM billing.payments p WHERE p.status = 'succeeded'
"""


@pytest.mark.parametrize("mutant", [None, refunds_without_lock.__name__])
def test_refunds_at_once_never_give_back_more_than_was_paid(
    postgres_server: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    settings = {**UNTHROTTLED, **({MUTANT: mutant} if mutant else {})}
    with migrated_production(postgres_server, redis_url, tmp_path) as production:
        if mutant:
            asyncio.run(query(production, "ALTER TABLE billing.payments DROP CONSTRAINT ck_payments_refunded"))
        with production.with_settings(**UNTHROTTLED).worker():
            finding, statuses = asyncio.run(refunded(production, settings, seed, mutant))
    verdict("20 refunds", finding, seed=seed, mutant=mutant, answered=told(statuses))


async def refunded(
    production: Production, settings: dict[str, str], seed: int, mutant: str | None
) -> tuple[Measured, Counter[int]]:
    """Have payments made, refund each many times at once on two nodes, and look at what is left."""
    dice, statuses = random.Random(seed), Counter[int]()
    payments = MUTANT_PAYMENTS if mutant else size("refunds.payments")
    at_once = size("refunds.at_once")
    async with serving(production, nodes=2, **settings) as nodes:
        shopper, admin = await member(nodes[0].client), await asyncio.to_thread(an_admin, production, nodes[0])
        invoices = [await paid_for(nodes[0], shopper) for _ in range(payments)]
        await settled(production)
        for invoice in invoices:
            # Together about one and a half times what there is.
            amounts = [dice.randint(1, 3 * CAPTURED // at_once) for _ in range(at_once)]
            statuses.update(
                await asyncio.gather(*(refund(dice.choice(nodes), admin, invoice, each) for each in amounts))
            )
        if not mutant:  # what was given back twice never settles: the books refuse it
            await settled(production)
    rows = await query(production, _PAID)
    over = [row for row in rows if row["back"] > row["captured"]]
    skewed = [
        row
        for row in rows
        if row["documented"] != row["back"] or row["left_by_the_books"] != row["captured"] - row["back"]
    ]
    line = (
        f"{len(rows)} payments of {CAPTURED}, {at_once} refunds of each at once: {len(over)} gave back more, "
        f"of {len(skewed)} the books or credit notes say something else"
    )
    clean = len(rows) == payments and not over and not skewed and set(statuses) <= {202, 409}
    return Measured(clean, line), statuses


def an_admin(production: Production, node: Node) -> Member:
    """Somebody who may give money back."""
    with httpx.Client(base_url=str(node.client.base_url), timeout=30) as client:
        somebody = with_role(production, client, "admin")
    return Member(somebody.email, somebody.tokens)


async def paid_for(node: Node, shopper: Member) -> str:
    """An invoice of which the payment is requested."""
    draft = {"currency": "EUR", "lines": [{"description": "Hedge", "quantity": 1, "unit_price": CAPTURED}]}
    invoice = expect(await node.client.post("/v1/billing/invoices", json=draft, headers=shopper.headers), 201)
    path = f"/v1/billing/invoices/{invoice['id']}"
    expect(await node.client.post(f"{path}/open", headers=shopper.headers), 200)
    expect(await node.client.post(f"{path}/request-payment", headers=shopper.headers), 202)
    return str(invoice["id"])


async def refund(node: Node, admin: Member, invoice: str, amount: int) -> int:
    """Ask for one, again while the node is busy; the last status."""
    for _ in range(TRIES):
        answer = await node.client.post(
            f"/v1/billing/invoices/{invoice}/refunds",
            json={"amount": amount, "reason": "cut twice"},
            headers=admin.headers,
        )
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        await asyncio.sleep(0.1)
    return answer.status_code


async def settled(production: Production) -> None:
    """Wait until no money is on its way."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while (await query(production, _OPEN))[0][0]:
        assert time.monotonic() < deadline, "money is still on its way"
        await asyncio.sleep(0.2)


async def query(production: Production, sql: str) -> list[asyncpg.Record]:
    """What an operator would see."""
    connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
