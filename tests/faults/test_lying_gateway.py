"""Experiment 19: the gateway lies and workers die; in the end our payments are what its statement says."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.conftest import Production, migrated_production
from tests.faults.laboratory.child import KEYS_HOLD_S, LEASE_S, MUTANT
from tests.faults.laboratory.front import KEPT_S, ROOT, member
from tests.faults.laboratory.gateway_books import Books, Entry
from tests.faults.laboratory.lying_gateway import Lies, LyingGateway
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.laboratory.supervisor import Supervisor
from tests.story import expect

LIES = Lies(silent_after=0.2, fails=0.1, declines=0.1, repeats=0.3, reorders=0.3, slanders=0.1)
SEARCH_LAG_S, KEYS_HOLD_TO_US_S, KEYS_KEPT_S = 0.5, 2.0, 3.0
"""A minute, half a day and a day at Stripe: what workers come back to after their death is older than its key (the
long tier's lease is)."""
SETTINGS = {
    "HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000",
    "BILLING_RECONCILE_DELAY_S": "0.3",
    LEASE_S: "4" if LONG else "1",
    KEYS_HOLD_S: str(KEYS_HOLD_TO_US_S),
}
AT_ONCE = 8
OF_A_SHOPPER = 250
TRIES = 3
"""Of a call, under one key: a connection that is kept may be hung up on just when it is used again."""
QUICKLY_S = (0.5, 2.0)
GAPS_S = (2.0, 10.0) if LONG else QUICKLY_S
"""Between two deaths of the worker. A mutant is paid by few, so its worker must die while they are at it."""
GIVE_UP_AFTER_S = 900.0 if LONG else 120.0
KEY_LENGTH = len("hedgerow-payment-") + 36
SHOWS = {
    "charges_under_fresh_keys": "doubled",
    "takes_silence_for_a_no": "differing",
    "trusts_keys_for_ever": "doubled",
}

ID = "01a2009d-d275-791d-a581-11f79300d6cc"
_PAYMENTS = "SELECT id, status, amount, gateway_reference, failure FROM billing.payments"
_UNSETTLED = "SELECT count(*) FROM billing.payments WHERE status IN ('pending', 'unknown')"
_UNFINISHED = "SELECT count(*) FROM billing.deliveries WHERE state NOT IN ('completed', 'discarded', 'dead')"
_DEAD = "SELECT count(*) FROM billing.deliveries WHERE state = 'dead'"


@dataclass(frozen=True, slots=True)
class Balance:
    """Our payments beside the gateway's statement."""

    payments: int
    agreed: int
    doubled: int
    """Payments for which the money was taken more than once."""
    differing: int
    """Taken and not known to us, known to us and not taken, or another amount or reference."""
    unsettled: int
    dead: int
    lies: Counter[str]

    @property
    def clean(self) -> bool:
        """Whether every payment is settled, and as the gateway has it."""
        return self.agreed == self.payments and not (self.doubled or self.differing or self.unsettled or self.dead)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sorted(self.lies.items()))
        bad = f"{self.doubled} doubled, {self.differing} differing, {self.unsettled} unsettled, {self.dead} dead"
        good = f"{self.payments} payments, {self.agreed} as the gateway has them"
        return f"{'green' if self.clean else 'RED'}: {good}, {bad}; {told}"


def balance(payments: list[asyncpg.Record], statement: list[Entry], *, dead: int, lies: Counter[str]) -> Balance:
    """Compare line by line; both sides are asked about what only the other has."""
    taken = Counter(entry.key[:KEY_LENGTH] for entry in statement)
    entries = {entry.key[:KEY_LENGTH]: entry for entry in statement}
    ours = {f"hedgerow-payment-{payment['id']}": payment for payment in payments}
    differing = len(entries.keys() - ours.keys())
    agreed = 0
    for key, payment in ours.items():
        told = (payment["amount"], payment["gateway_reference"]) if payment["status"] == "succeeded" else None
        entry = entries.get(key)
        holds = told == ((entry.amount, entry.reference) if entry else None)
        agreed += holds and payment["status"] in {"succeeded", "failed"}
        differing += not holds
    return Balance(
        payments=len(ours),
        agreed=agreed,
        doubled=sum(times > 1 for times in taken.values()),
        differing=differing,
        unsettled=sum(payment["status"] in {"pending", "unknown"} for payment in payments),
        dead=dead,
        lies=lies,
    )


def ours(status: str = "succeeded", *, amount: int = 100, reference: str | None = "pi_1") -> dict[str, Any]:
    return {"id": ID, "status": status, "amount": amount, "gateway_reference": reference}


def theirs(*, key: str = f"hedgerow-payment-{ID}", amount: int = 100, reference: str = "pi_1") -> Entry:
    return Entry(key, reference, amount, "eur")


@pytest.mark.parametrize(
    ("payments", "statement", "wrong"),
    [
        ([ours()], [theirs()], ""),
        ([ours("failed", reference=None)], [], ""),
        ([ours()], [], "differing"),
        ([ours("failed", reference=None)], [theirs()], "differing"),
        ([ours("unknown", reference=None)], [theirs()], "differing unsettled"),
        ([ours("pending", reference=None)], [], "unsettled"),
        ([ours(amount=99)], [theirs()], "differing"),
        ([ours(reference="pi_2")], [theirs()], "differing"),
        ([ours()], [theirs(), theirs()], "doubled"),
        ([ours()], [theirs(key=f"hedgerow-payment-{ID}-again"), theirs()], "doubled"),
        ([ours()], [theirs(), theirs(key="somebody's")], "differing"),
    ],
)
def test_the_balance_sees_every_difference(payments: Any, statement: list[Entry], wrong: str) -> None:
    found = balance(payments, statement, dead=0, lies=Counter())
    assert " ".join(name for name in ("doubled", "differing", "unsettled") if getattr(found, name)) == wrong
    assert found.clean is (not wrong)


@pytest.fixture
def production(postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path) -> Iterator[Production]:
    """Its own, so that no worker of another test charges elsewhere."""
    with migrated_production(postgres_server, redis_url, tmp_path) as production:
        yield production


@pytest.mark.parametrize(
    "mutant", [*with_twins("takes_silence_for_a_no", "trusts_keys_for_ever"), "charges_under_fresh_keys"]
)
async def test_in_the_end_our_payments_are_what_the_statement_says(
    production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    which = "mutant_" if mutant else ""
    payments, kills = size(f"lying_gateway.{which}payments"), size(f"lying_gateway.{which}kills")
    books = Books(search_lag_s=SEARCH_LAG_S, keys_kept_s=KEYS_KEPT_S)
    with LyingGateway(seed=seed, lies=LIES, books=books) as gateway:
        settings = {**SETTINGS, **gateway.settings, **({MUTANT: mutant} if mutant else {})}
        async with shop(production, settings, gateway) as (supervisor, client):
            paying = asyncio.create_task(pay(client, payments))
            await kill_workers(supervisor, kills, random.Random(seed), QUICKLY_S if mutant else GAPS_S)
            await paying
            took_s = await settled(production)
        finding = balance(
            await fetch(production, _PAYMENTS),
            books.charges(),
            dead=(await fetch(production, _DEAD))[0][0],
            lies=gateway.sent,
        )
    assert finding.payments == payments, "the experiment lost payments itself"
    shows, facts = SHOWS[mutant] if mutant else None, {"kills": kills, "settled_s": round(took_s)}
    verdict("19 lying gateway", finding, seed=seed, mutant=mutant, shows=shows, history=gateway.history, **facts)


@asynccontextmanager
async def shop(
    production: Production, settings: dict[str, str], gateway: LyingGateway
) -> AsyncIterator[tuple[Supervisor, httpx.AsyncClient]]:
    """An API to which the gateway sends its notices, and a worker."""
    environment = {**production.environment, "PYTHONPATH": str(ROOT), **settings}
    port = free_port()
    with Supervisor(production.folder, environment) as supervisor:
        await supervisor.api(port)
        gateway.notices_to = f"http://127.0.0.1:{port}/v1/billing/webhooks/stripe"
        supervisor.worker()
        limits = httpx.Limits(keepalive_expiry=KEPT_S)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits) as client:
            yield supervisor, client


async def pay(client: httpx.AsyncClient, times: int) -> None:
    """Have so many invoices paid. After some, another shopper comes: nobody's token is good for the whole time."""
    for first in range(0, times, OF_A_SHOPPER):
        await shop_for(client, range(first, min(first + OF_A_SHOPPER, times)))


async def shop_for(client: httpx.AsyncClient, numbers: range) -> None:
    """Have these invoices of one shopper paid."""
    shopper = await member(client)
    room = asyncio.Semaphore(AT_ONCE)

    async def call(path: str, status: int, body: Any = None) -> Any:
        headers = {**shopper.headers, "Idempotency-Key": str(uuid4())}
        post = partial(client.post, f"/v1/billing/invoices{path}", json=body, headers=headers)
        for _ in range(TRIES - 1):
            with suppress(httpx.TransportError):
                return expect(await post(), status)
        return expect(await post(), status)

    async def one(number: int) -> None:
        line = {"description": "Hedge", "quantity": 1, "unit_price": 100 + number}
        async with room:
            invoice = await call("", 201, {"currency": "EUR", "lines": [line]})
            await call(f"/{invoice['id']}/open", 200)
            await call(f"/{invoice['id']}/request-payment", 202)

    await asyncio.gather(*(one(number) for number in numbers))


async def kill_workers(
    supervisor: Supervisor, kills: int, dice: random.Random, gaps_s: tuple[float, float]
) -> None:
    """End the worker in the middle of things, and start another."""
    for _ in range(kills):
        await supervisor.ready()
        await asyncio.sleep(dice.uniform(*gaps_s))
        worker = supervisor.alive[-1]
        supervisor.kill(worker)
        supervisor.worker()


async def settled(production: Production) -> float:
    """Wait until nothing is left to find out; after how many seconds, or when it was given up."""
    started = time.monotonic()
    while time.monotonic() - started < GIVE_UP_AFTER_S:
        if not any([(await fetch(production, sql))[0][0] for sql in (_UNSETTLED, _UNFINISHED)]):
            break
        await asyncio.sleep(0.5)
    return time.monotonic() - started


async def fetch(production: Production, sql: str) -> list[asyncpg.Record]:
    """What an operator would see with psql."""
    connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
