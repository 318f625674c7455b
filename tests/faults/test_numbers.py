"""Numbers have no gaps: whatever opens at once, is rolled back or cut off, places 1 to n are each given once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.domain.errors import InvoiceNotDraft, NothingToPay
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import run_sql
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.evidence import GAPLESS_NUMBERS
from tests.faults.laboratory.money_mutants import SEQUENCE, broken
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.servers import plain_url
from tests.faults.laboratory.sizes import size
from tests.faults.laboratory.till import Till, till

AT_ONCE = 32
MUTANT_INVOICES = 64
WORTHLESS = 0.2
"""So many of the drafts come to nothing: they draw a number, and are refused."""
CUT_EVERY_S = 0.1
TRIES = 100


@pytest.mark.parametrize("mutant", [None, "numbers from a sequence"])
async def test_places_are_given_without_gap_or_double(
    billing_alone: DatabaseAddress, tmp_path: Path, verdict: Records, seed: int, mutant: str | None
) -> None:
    dice, customer, answers = random.Random(seed), new_id(), Counter[str]()
    count = MUTANT_INVOICES if mutant else size("numbers.invoices")
    if mutant:
        await asyncio.to_thread(
            run_sql,
            billing_alone,
            f"CREATE SEQUENCE billing.{SEQUENCE}",
            f"GRANT ALL ON SEQUENCE billing.{SEQUENCE} TO PUBLIC",
        )
    with broken(mutant):
        async with till(billing_alone, tmp_path) as counter:
            prices = [0 if dice.random() < WORTHLESS else 100 for _ in range(count)]
            drafts = [await counter.draft(customer, price=price) for price in prices]
            room = asyncio.Semaphore(AT_ONCE)
            cutting = asyncio.create_task(cut_connections(billing_alone, answers))
            try:
                await asyncio.gather(*(opened(counter, customer, draft, room, answers) for draft in drafts))
            finally:
                cutting.cancel()
            rows = await counter.rows("SELECT place FROM invoices WHERE place IS NOT NULL ORDER BY place")

    places = [row.place for row in rows]
    wanted = len([price for price in prices if price])
    gaps = len(set(range(1, max(places) + 1)) - set(places))
    line = f"{wanted} opened, {AT_ONCE} at once: {gaps} gaps, {len(places) - len(set(places))} doubles"
    verdict(
        GAPLESS_NUMBERS,
        Measured(places == list(range(1, wanted + 1)), line),
        seed=seed,
        mutant=mutant,
        **dict(sorted(answers.items())),
    )


async def opened(till: Till, customer: UUID, draft: UUID, room: asyncio.Semaphore, answers: Counter[str]) -> None:
    """Open it, again and again, until it is open or refused."""
    for _ in range(TRIES):
        async with room:
            try:
                await till.bus.execute(OpenInvoice(customer_id=customer, invoice_id=draft))
                answers["opened"] += 1
                return
            except NothingToPay:
                answers["rolled_back"] += 1
                return
            except InvoiceNotDraft:
                answers["opened_before_the_cut"] += 1
                return
            except Exception:
                answers["cut_off_or_turned_away"] += 1
        await asyncio.sleep(0.05)
    raise AssertionError(f"{draft} could not be opened in {TRIES} tries")


async def cut_connections(address: DatabaseAddress, answers: Counter[str]) -> None:
    """Cut the connection of somebody who is in a transaction, for ever."""
    connection = await asyncpg.connect(plain_url(address))
    try:
        while True:
            await asyncio.sleep(CUT_EVERY_S)
            cut = await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY random() LIMIT 1"
            )
            answers["cuts"] += len(cut)
    finally:
        await connection.close()
