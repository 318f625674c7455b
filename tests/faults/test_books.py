"""Experiment 21: whatever happens to invoices, in any order, the books are right after every single step."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.gateway import (
    Answer,
    ChargeRequest,
    Declined,
    GatewayTimeoutError,
    Moved,
    RefundRequest,
)
from hedgerow_billing.application.tasks.collect_payments import CollectPayments
from hedgerow_billing.application.tasks.mark_overdue import MarkOverdue
from hedgerow_core.application import Command
from hedgerow_core.domain import ConflictError, new_id
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.money_mutants import broken
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.faults.laboratory.till import Till, till

MUTANT_STEPS = 100
RATES = ("0", "7", "8.875", "19")


class GatewayOfChance:
    """Takes, declines or keeps silent, as the dice fall. What it has done it remembers."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._answers: dict[str, Answer] = {}

    async def charge(self, request: ChargeRequest) -> Answer:
        return self._answer(request.idempotency_key)

    async def find_charge(self, request: ChargeRequest) -> Answer | None:
        return self._answers.get(request.idempotency_key)

    async def refund(self, request: RefundRequest) -> Answer:
        return self._answer(request.idempotency_key)

    async def find_refund(self, request: RefundRequest) -> Answer | None:
        return self._answers.get(request.idempotency_key)

    def _answer(self, key: str) -> Answer:
        if key not in self._answers:
            taken = self._dice.random() < 0.7
            self._answers[key] = Moved(reference=f"of {key}") if taken else Declined(reason="chance")
            if self._dice.random() < 0.2:
                raise GatewayTimeoutError
        return self._answers[key]


class Walker:
    """Throws the dice and does what they say."""

    def __init__(self, till: Till, dice: random.Random) -> None:
        self._till = till
        self._dice = dice
        self._customer = new_id()
        self._invoices: list[UUID] = []
        self.done: Counter[str] = Counter()

    async def step(self) -> None:
        """One step; the rules may forbid it."""
        weights = {
            "open": 3,
            "pay": 4,
            "credit": 2,
            "refund": 4,
            "void": 1,
            "write_off": 1,
            "work_off": 5,
            "wait": 1,
        }
        (what,) = self._dice.choices(list(weights), list(weights.values()))
        try:
            await (self.open() if what == "open" else getattr(self, f"_{what}")())
        except ConflictError:
            self.done["forbidden"] += 1
        else:
            self.done[what] += 1

    async def open(self) -> None:
        """Another invoice."""
        price, rate = self._dice.randint(1, 5_000), self._dice.choice(RATES)
        automatic = self._dice.random() < 0.5
        self._invoices.append(await self._till.open(self._customer, price=price, rate=rate, automatic=automatic))

    async def _pay(self) -> None:
        await self._tell(RequestPayment(customer_id=self._customer, invoice_id=self._any()))

    async def _credit(self) -> None:
        amount = self._dice.randint(1, 2_000)
        await self._tell(CreditInvoice(invoice_id=self._any(), amount=amount, reason="chance"))

    async def _refund(self) -> None:
        amount = self._dice.choice([None, self._dice.randint(1, 3_000)])
        await self._tell(RequestRefund(invoice_id=self._any(), amount=amount, reason="chance"))

    async def _void(self) -> None:
        await self._tell(VoidInvoice(customer_id=self._customer, invoice_id=self._any()))

    async def _write_off(self) -> None:
        await self._tell(WriteOffInvoice(invoice_id=self._any()))

    async def _work_off(self) -> None:
        await self._till.work_off()

    async def _wait(self) -> None:
        self._till.clock.advance(timedelta(days=self._dice.randint(1, 10)))
        now = self._till.clock.now()
        mark, collect = self._till.container.mark_overdue(), self._till.container.collect_payments()
        await self._till.within(lambda work: mark(MarkOverdue(tick=now), work))
        await self._till.within(lambda work: collect(CollectPayments(tick=now), work))

    async def _tell(self, command: Command[object]) -> None:
        await self._till.bus.execute(command)

    def _any(self) -> UUID:
        # The latest ones live; of the older ones some are still asked for.
        recent = self._invoices[-8:]
        return self._dice.choice(recent if self._dice.random() < 0.8 else self._invoices) if recent else new_id()


@pytest.mark.parametrize("mutant", [None, "books tax as revenue"])
async def test_after_every_step_the_books_say_what_the_invoices_say(
    billing_alone: DatabaseAddress, tmp_path: Path, verdict: Records, seed: int, mutant: str | None
) -> None:
    dice = random.Random(seed)
    steps = MUTANT_STEPS if mutant else size("books.steps")
    wrong: list[UUID] = []
    with broken(mutant):
        async with till(billing_alone, tmp_path, GatewayOfChance(dice)) as counter:
            walker = Walker(counter, dice)
            await walker.open()
            taken = 0
            while taken < steps and not wrong:
                await walker.step()
                wrong, taken = await counter.misbooked(), taken + 1
            (postings,) = await counter.rows("SELECT count(*) AS count FROM postings")

    line = f"{taken} steps, the books compared after each: {len(wrong)} invoices misbooked"
    verdict("21 books", Measured(not wrong, line), seed=seed, mutant=mutant, postings=postings.count, **walker.done)
