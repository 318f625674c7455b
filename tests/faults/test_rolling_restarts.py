"""Experiment 39: APIs and workers are replaced under load; no request fails, and no work is done half."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import httpx
import pytest

from hedgerow_core.testing.servers import free_port
from tests.conftest import Production
from tests.faults.laboratory.balancer import Backend, Balancer
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import ROOT, Member, member
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.laboratory.starved import connected
from tests.faults.laboratory.supervisor import Supervisor
from tests.processes import Process

DRAIN_S = 5.0 if LONG else 1.5
"""In the short tier half a second is enough for its balancer, which asks ten times a second."""
CALLS_PER_S = 12.0 if LONG else 4.0
CHARGE_TAKES_S = 1.0
PAID_WITHIN_S = 30.0
INVOICE = {"currency": "EUR", "lines": [{"description": "Sapling", "quantity": 2, "unit_price": 1250}]}
_ATTEMPTS = """
    SELECT coalesce(sum(attempts - 1), 0) FROM billing.deliveries
    WHERE type = 'billing.charge_payment' AND attempts > 1
"""
_PAID = "SELECT count(*) FROM billing.invoices WHERE id = ANY($1::uuid[]) AND status = 'paid'"


@pytest.mark.parametrize("mutant", with_twins("leaves_at_once", "drops_what_it_holds"))
async def test_processes_are_replaced_and_nobody_notices(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {
        "PYTHONPATH": str(ROOT),
        "HEDGEROW_RATE_LIMIT_PER_MINUTE": "100000",
        "HEDGEROW_DRAIN_S": str(DRAIN_S),
        "BILLING_SANDBOX_LATENCY_S": str(CHARGE_TAKES_S),
    } | ({MUTANT: mutant} if mutant else {})
    balancer, rolled, told = Balancer(), list[Backend](), list[bool]()
    repeated_before = await value(shared_production, _ATTEMPTS)
    with Supervisor(shared_production.folder, {**shared_production.environment, **settings}) as supervisor:

        async def new_api() -> Backend:
            port = free_port()
            return balancer.add(await supervisor.api(port), port)

        async def new_worker() -> tuple[Process, int]:
            port = free_port()
            process = supervisor.worker(HEDGEROW_WORKER_PORT=str(port))
            await asyncio.to_thread(process.wait_for, "worker_ready")
            return process, port

        api, worker = await new_api(), await new_worker()
        somebody = await member(api.client)
        async with balancer.probing(), load(balancer, somebody) as paid:
            for _ in range(1 if mutant else size("rolling.rounds")):
                before, api = api, await new_api()
                before.process.send(signal.SIGTERM)
                await supervisor.died(before.process, "it was told to end")
                rolled.append(before)
                (old, port), worker = worker, await new_worker()
                told.append(await tells_that_it_drains(old, port))
                await supervisor.died(old, "it was told to end")
        done = await until_paid(shared_production, paid)
        repeated = await value(shared_production, _ATTEMPTS) - repeated_before

    announced = [one for one in rolled if one.draining_at is not None]
    clean = not balancer.failed and done == len(paid) and not repeated
    clean &= len(announced) == len(rolled) and all(told)
    failed = f"{len(balancer.failed)} failed {sorted(set(balancer.failed))}"
    line = (
        f"{len(rolled)} APIs and as many workers were replaced under {balancer.sent} requests: {failed}; "
        f"{len(announced)} APIs were unready before they were gone, {sum(told)} workers while they finished; "
        f"{done} of {len(paid)} payments done, {repeated} tried again"
    )
    verdict("39 rolling restarts", Measured(clean, line), seed=seed, mutant=mutant, drain_s=DRAIN_S)


@asynccontextmanager
async def load(balancer: Balancer, who: Member) -> AsyncIterator[list[str]]:
    """Reads and payments at a steady pace while the body runs; yields the invoices whose payment was accepted."""
    paid, running, stop = list[str](), set[asyncio.Task[None]](), asyncio.Event()

    async def read() -> None:
        await balancer.request("GET", "/v1/users/me", headers=who.headers)

    async def pay() -> None:
        made = await balancer.request("POST", "/v1/billing/invoices", json=INVOICE, headers=who.headers)
        if made is None or made.is_error:
            return
        id = made.json()["id"]
        for step in ("open", "request-payment"):
            answer = await balancer.request("POST", f"/v1/billing/invoices/{id}/{step}", headers=who.headers)
            if answer is None or answer.is_error:
                return
        paid.append(id)

    async def keep_on() -> None:
        kinds = cycle((read, pay))
        while not stop.is_set():
            running.add(asyncio.create_task(next(kinds)()))
            await asyncio.sleep(1 / CALLS_PER_S)

    pace = asyncio.create_task(keep_on())
    try:
        yield paid
    finally:
        stop.set()
        await pace
        await asyncio.gather(*running)


async def tells_that_it_drains(worker: Process, port: int) -> bool:
    """Whether a worker is ready until it is told to end, and says so as long as it finishes what it has."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        was_ready = (await client.get("/readyz")).is_success
        worker.send(signal.SIGTERM)
        try:
            answer = await client.get("/readyz")
            while answer.is_success:
                await asyncio.sleep(0.01)
                answer = await client.get("/readyz")
        except httpx.TransportError:
            return False
        return was_ready and answer.json()["status"] == "draining" and worker.running


async def until_paid(production: Production, invoices: list[str]) -> int:
    """How many of them are paid, once all are, or after a while."""
    deadline = time.monotonic() + PAID_WITHIN_S
    while True:
        done = await value(production, _PAID, invoices)
        if done == len(invoices) or time.monotonic() > deadline:
            return done
        await asyncio.sleep(0.1)


async def value(production: Production, sql: str, *arguments: object) -> int:
    """A number out of the database."""
    async with connected(production) as connection:
        return int(await connection.fetchval(sql, *arguments))
