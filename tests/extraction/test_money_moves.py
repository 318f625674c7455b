"""Billing moves while invoices are opened and paid: no invoice, number, payment or entry is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.infrastructure.gateways.sandbox import SandboxGateway
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import ContextIsMoving, DatabaseAddress
from hedgerow_core.persistence.moving import is_closed
from hedgerow_core.testing import EndlessCascadeError
from hedgerow_core.testing.servers import free_port
from tests.conftest import url_of
from tests.faults.conftest import billing_alone
from tests.faults.laboratory.till import Till, till
from tests.processes import run as run_hedgerow
from tests.processes import running, wait_until_ready

__all__ = ["billing_alone"]

CUSTOMERS = 3
PAUSE_S = 0.1


class Shop:
    """Customers who open invoices and pay them, at whichever till takes them, and somebody who charges them."""

    def __init__(self) -> None:
        self.tills: list[Till] = []
        self.at = 0
        self.paid: list[UUID] = []
        self.closing = asyncio.Event()

    async def buy(self) -> None:
        customer = new_id()
        while not self.closing.is_set():
            invoice = await self._do(lambda at: at.draft(customer))
            await self._do(lambda at, of=invoice: at.bus.execute(OpenInvoice(customer_id=customer, invoice_id=of)))
            await self._do(
                lambda at, of=invoice: at.bus.execute(RequestPayment(customer_id=customer, invoice_id=of))
            )
            self.paid.append(invoice)
            await asyncio.sleep(PAUSE_S)

    async def charge(self) -> None:
        while not self.closing.is_set():
            with suppress(ContextIsMoving, EndlessCascadeError):
                await self.tills[self.at].work_off()
            await asyncio.sleep(0.05)

    async def sold(self, count: int) -> None:
        enough = len(self.paid) + count
        async with asyncio.timeout(60):
            while len(self.paid) < enough:  # noqa: ASYNC110 - any of them may be the last
                await asyncio.sleep(0.02)

    async def _do(self, ask: Callable[[Till], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await ask(self.tills[self.at])
            except ContextIsMoving:
                self.at = await self._front_flips()
                await asyncio.sleep(0.02)

    async def _front_flips(self) -> int:
        """As a front does: to the new till, once that no longer stands by. What it reads before then is not all."""
        async with self.tills[1].database.reading() as connection:
            return 0 if await is_closed(connection, "billing") else 1


async def test_no_money_is_lost_or_doubled_when_billing_moves(
    billing_alone: DatabaseAddress, target: DatabaseAddress, tmp_path: Path
) -> None:
    old = {"HEDGEROW_DATABASE_URL": url_of(billing_alone), "HEDGEROW_CONTEXTS": "billing", "HEDGEROW_ENV": "test"}
    new = {**old, "HEDGEROW_DATABASE_URL": url_of(target)}
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def extract(through: str) -> str:
        arguments = ("extract", "run", "billing", "--to", url_of(target), "--through", through, "--new-host", url)
        ended = await asyncio.to_thread(run_hedgerow, *arguments, folder=tmp_path, environment=old)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    shop, gateway = Shop(), SandboxGateway(latency=timedelta(0))
    async with till(billing_alone, tmp_path, gateway) as here, till(target, tmp_path, gateway) as there:
        shop.tills = [here, there]
        async with asyncio.TaskGroup() as group:
            for _ in range(CUSTOMERS):
                group.create_task(shop.buy())
            group.create_task(shop.charge())
            await shop.sold(10)
            shadow = await extract("shadow")
            with running("api", "--port", str(port), folder=tmp_path, environment=new) as api:
                await asyncio.to_thread(wait_until_ready, url, api)
                await shop.sold(10)
                await extract("switch")
                await shop.sold(10)
            shop.closing.set()
        await there.work_off()
        settled = await there.rows("SELECT id FROM invoices WHERE status = 'paid'")
        numbered = await there.rows("SELECT place FROM invoices WHERE place IS NOT NULL ORDER BY place")
        places = [row.place for row in numbered]
        payments = await there.rows("SELECT invoice_id FROM payments WHERE status = 'succeeded'")
        assert await there.misbooked() == []
    assert {row.id for row in settled} >= set(shop.paid)
    assert len(payments) == len({row.invoice_id for row in payments}) == len(settled)
    assert places == list(range(1, len(places) + 1))
    assert "questions at both sides: 0 answers differ" in shadow
    assert "asked 0 questions" not in shadow
