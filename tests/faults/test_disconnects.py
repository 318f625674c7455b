"""Experiment 42: callers that vanish at random points leave no connection of the database behind."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import pytest

from hedgerow_core.persistence.database import POOL_SIZE
from hedgerow_core.testing.servers import LOCALHOST
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import Member, Node, member, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.laboratory.starved import connected, left_over, locked, most_waiting, operator_of

AT_ONCE = 5
WAITS_S = (0.003, 0.03, 0.3)
"""From the last byte sent, or the first one heard, at most: one of these."""
BEGINS_WITHIN_S = 5.0
EXPORTED = 1_100 if LONG else 0
"""Invoices more: an export of so many asks the database several times while it is being sent."""
RESET = struct.pack("ii", 1, 0)
UNTHROTTLED = {"HEDGEROW_RATE_LIMIT_PER_MINUTE": "100000"}
INVOICE = {"currency": "EUR", "lines": [{"description": "Sapling", "quantity": 2, "unit_price": 1250}]}
_COPIES = """
    INSERT INTO billing.invoices
    SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid()))).*
    FROM billing.invoices one, generate_series(1, $2) WHERE one.id = $1::uuid
"""


@dataclass(frozen=True, slots=True)
class Vanishing:
    """What somebody says before vanishing, how long after that, and how."""

    said: bytes
    hears: bool
    """Whether they wait until an answer begins."""
    wait_s: float
    resets: bool


@pytest.mark.parametrize("mutant", with_twins("breaks_off_and_keeps"))
async def test_who_vanishes_leaves_no_connection_behind(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    dice, count, heard = random.Random(seed), size("disconnects.callers"), Counter[str]()
    async with serving(shared_production, **UNTHROTTLED, **settings) as (node,):
        somebody = await member(node.client)
        operator = await operator_of(shared_production, str(node.client.base_url))
        await _many_invoices(shared_production, node, somebody)
        asked = _requests(somebody)
        place = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with place:
                heard[await vanished(node, _vanishing(dice, asked))] += 1

        await asyncio.gather(*(one() for _ in range(count)))
        left = await left_over(shared_production, node.client, operator)
        held = 0
        if not left:  # otherwise nobody knows how long it would take
            async with locked(shared_production, "users.accounts"):
                calls = [node.client.get("/v1/users/me", headers=somebody.headers) for _ in range(POOL_SIZE)]
                holding = asyncio.gather(*calls)
                held = await most_waiting(shared_production, "users", POOL_SIZE)
            left |= {"unserved": sum(answer.is_error for answer in await holding)}

    clean = not any(left.values()) and held == POOL_SIZE
    line = (
        f"{count} vanished ({', '.join(f'{n} {when}' for when, n in sorted(heard.items()))}); left over {left}; "
        f"{held} of {POOL_SIZE} connections can be held again"
    )
    verdict("42 disconnects", Measured(clean, line), seed=seed, mutant=mutant)


async def vanished(node: Node, way: Vanishing) -> str:
    """Say it, wait, and be gone; returns how far the server had come by then."""
    reader, writer = await asyncio.open_connection(LOCALHOST, node.port)
    heard = b""
    with suppress(ConnectionError, TimeoutError):
        writer.write(way.said)
        await writer.drain()
        if way.hears:
            async with asyncio.timeout(BEGINS_WITHIN_S):
                heard = await reader.read(1)
        async with asyncio.timeout(way.wait_s):
            while part := await reader.read(4096):
                heard = part
    if way.resets:
        line: socket.socket = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.close()
    return "during or after an answer" if heard else "before it"


def _vanishing(dice: random.Random, asked: list[bytes]) -> Vanishing:
    whole = dice.choice(asked)
    cut = len(whole) if dice.random() < 0.7 else dice.randrange(len(whole))
    hears = cut == len(whole) and dice.random() < 0.5
    return Vanishing(whole[:cut], hears, dice.uniform(0, dice.choice(WAITS_S)), resets=dice.random() < 0.5)


def _requests(somebody: Member) -> list[bytes]:
    """Reads of both contexts, a write, and exports, which are written while the database is asked."""
    return [
        _request("GET", "/v1/users/me", somebody),
        _request("GET", "/v1/billing/invoices?limit=20", somebody),
        _request("POST", "/v1/billing/invoices", somebody, json.dumps(INVOICE).encode()),
        _request("GET", "/v1/billing/invoices.csv", somebody),
    ]


def _request(method: str, path: str, who: Member, body: bytes = b"") -> bytes:
    fields = {"Host": LOCALHOST, "Content-Type": "application/json", "Content-Length": len(body), **who.headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def _many_invoices(production: Production, node: Node, somebody: Member) -> None:
    made = await node.client.post("/v1/billing/invoices", json=INVOICE, headers=somebody.headers)
    async with connected(production) as connection:
        await connection.execute(_COPIES, made.json()["id"], EXPORTED)
