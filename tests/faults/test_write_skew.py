"""Experiment 23: of two changes of one invoice that meet between loading and saving, nothing is lost or skewed.

What comes out is what one of the two orders would have left, or one of them was refused (409) and the other stands.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest

from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.infrastructure.repositories import PostgresInvoices
from hedgerow_core.application import Command
from hedgerow_core.domain import ConflictError, new_id
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.money_mutants import broken
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.faults.laboratory.till import Till, till

PATIENCE_S = 0.05
"""So long somebody waits between loading and saving: who waits for a lock never comes there."""

CUSTOMER = new_id()
CHANGES: dict[str, Callable[[UUID], Command[Any]]] = {
    "open": lambda it: OpenInvoice(customer_id=CUSTOMER, invoice_id=it),
    "void": lambda it: VoidInvoice(customer_id=CUSTOMER, invoice_id=it),
    "pay": lambda it: RequestPayment(customer_id=CUSTOMER, invoice_id=it),
    "credit": lambda it: CreditInvoice(invoice_id=it, amount=1500, reason="skew"),
    "refund": lambda it: RequestRefund(invoice_id=it, amount=1500, reason="skew"),
    "write_off": lambda it: WriteOffInvoice(invoice_id=it),
}
"""Every route that changes an invoice, as its command. Two credits or refunds exceed what there is."""

_STATE = """
    SELECT status, version, credited,
        (SELECT array_agg(p.status || amount || refunded ORDER BY id) FROM payments p WHERE invoice_id = i.id),
        (SELECT array_agg(r.status || amount ORDER BY id) FROM refunds r WHERE invoice_id = i.id),
        (SELECT array_agg(amount || ' ' || n.tax ORDER BY id) FROM credit_notes n WHERE invoice_id = i.id),
        (SELECT array_agg(kind || account || amount ORDER BY b.id) FROM postings b WHERE invoice_id = i.id),
        (SELECT array_agg(type || aggregate_version ORDER BY o.id) FROM outbox o WHERE aggregate_id = i.id)
    FROM invoices i WHERE i.id = :invoice
"""
State = tuple[Any, ...]


@dataclass(slots=True)
class Gate:
    """Where two changes stand between loading and saving, until both are there, or one cannot come."""

    first: str
    there: dict[str, asyncio.Event] = field(default_factory=dict)
    done: dict[str, asyncio.Event] = field(default_factory=dict)

    async def pass_through(self, who: str) -> None:
        """Wait for the other one to have loaded; the second waits until the first has saved, too."""
        self.there[who].set()
        (other,) = set(self.there) - {who}
        with suppress(TimeoutError):
            await asyncio.wait_for(self.there[other].wait(), PATIENCE_S)
        if who != self.first:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.done[self.first].wait(), PATIENCE_S)


_gate: ContextVar[tuple[Gate, str] | None] = ContextVar("_gate", default=None)


@contextmanager
def gated_updates() -> Iterator[None]:
    """Have every save pass its gate, if it has one."""
    sound = PostgresInvoices.update

    async def update(self: PostgresInvoices, invoice: Any) -> None:
        if (standing := _gate.get()) is not None:
            gate, who = standing
            await gate.pass_through(who)
        await sound(self, invoice)

    with mock.patch.object(PostgresInvoices, "update", update):
        yield


@pytest.mark.parametrize("mutant", [None, "saves over any version"])
async def test_two_changes_at_once_come_out_as_one_after_the_other(
    billing_alone: DatabaseAddress, tmp_path: Path, verdict: Records, seed: int, mutant: str | None
) -> None:
    wrong: list[str] = []
    meetings = 0
    with broken(mutant), gated_updates():
        async with till(billing_alone, tmp_path) as counter:
            every = list(product((a_draft, an_open_one, a_paid_one), CHANGES, CHANGES))
            chosen = every if mutant else random.Random(seed).sample(every, k=size("write_skew.meetings"))
            for build, first, second in chosen:
                meetings += 1
                if not await is_as_in_turn(counter, build, first, second):
                    wrong.append(f"{build.__name__}: {first}, {second}")
                if mutant and wrong:
                    break

    line = f"{meetings} meetings of two changes of one invoice: {len(wrong)} came out as in no order; {wrong[:3]}"
    verdict("23 write skew", Measured(not wrong, line), seed=seed, mutant=mutant)


async def a_draft(till: Till) -> UUID:
    return await till.draft(CUSTOMER)


async def an_open_one(till: Till) -> UUID:
    return await till.open(CUSTOMER)


async def a_paid_one(till: Till) -> UUID:
    invoice = await till.open(CUSTOMER)
    await till.bus.execute(RequestPayment(customer_id=CUSTOMER, invoice_id=invoice))
    await till.work_off()
    return invoice


async def is_as_in_turn(till: Till, build: Callable[[Till], Awaitable[UUID]], first: str, second: str) -> bool:
    """Whether both at once leave what both in turn would, or one alone with a conflict for the other."""
    met, *done = await at_once(till, await build(till), first, second)
    if any(isinstance(each, Exception) and not isinstance(each, ConflictError) for each in done):
        return False
    accepted = [name for name, each in zip((first, second), done, strict=True) if each is None]
    possible = []
    for order in ([first, second], [second, first]):
        state, refused = await in_turn(till, await build(till), order)
        if len(accepted) == 2 - len(refused):
            possible.append(state)
    if len(accepted) == 1:
        possible.append((await in_turn(till, await build(till), accepted))[0])
    return met in possible


async def at_once(till: Till, invoice: UUID, first: str, second: str) -> tuple[Any, ...]:
    """The state, and of each whether it was refused."""
    names = ("first", "second")
    gate = Gate("first", {name: asyncio.Event() for name in names}, {name: asyncio.Event() for name in names})

    async def change(who: str, command: Command[Any]) -> Exception | None:
        _gate.set((gate, who))
        refused = await tried(till, command)
        gate.there[who].set()
        gate.done[who].set()
        return refused

    done = await asyncio.gather(
        change("first", CHANGES[first](invoice)), change("second", CHANGES[second](invoice))
    )
    return await state_of(till, invoice), *done


async def in_turn(till: Till, invoice: UUID, order: list[str]) -> tuple[State, list[Exception]]:
    """The state after one after the other, and what was refused."""
    refused = [await tried(till, CHANGES[name](invoice)) for name in order]
    return await state_of(till, invoice), [each for each in refused if each is not None]


async def tried(till: Till, command: Command[Any]) -> Exception | None:
    """Why it was refused, if it was."""
    try:
        await till.bus.execute(command)
    except Exception as refused:
        return refused
    return None


async def state_of(till: Till, invoice: UUID) -> State:
    """All that is saved of it."""
    (row,) = await till.rows(_STATE, invoice=invoice)
    return tuple(row)
