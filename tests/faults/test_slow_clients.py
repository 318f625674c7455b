"""Experiment 36: sockets that dawdle over headers, bodies or answers are closed; everybody else is served."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress

import pytest

from hedgerow_core.testing.servers import LOCALHOST
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT, PATIENCE_S
from tests.faults.laboratory.front import Node, member, serving, steadily
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.ledger_load.pace import quantile

SHORT_PATIENCE_S = 2.0
DEADLINES_S = {"headers": 5.0, "body": 30.0, "answer": 60.0} if LONG else dict.fromkeys(("headers", "body"), 2.0)
"""`answer`: within the deadline it must have been read a little, and is looked at once more."""
DEADLINES_S.setdefault("answer", 2 * SHORT_PATIENCE_S)
SLACK_S = 5.0
MUTANT_WAITS_S = SHORT_PATIENCE_S + SLACK_S
SLOWER_AT_MOST = 2.0 if LONG else 25.0
"""In the short tier other tests run beside this one."""
RATE = 50.0
HEAD = f"Host: {LOCALHOST}\r\n".encode()
SAID = {
    "headers": b"GET /livez HTTP/1.1\r\n" + HEAD,
    "body": b"POST /v1/users/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n"
    + HEAD
    + b"\r\n{",
    "answer": (b"GET /openapi.json HTTP/1.1\r\n" + HEAD + b"\r\n") * 60,
}
TRICKLES = {"headers": b"X", "body": b" "}
SMALL_WINDOW = 4096


@pytest.mark.parametrize("mutant", with_twins("listens_for_ever"))
async def test_who_dawdles_is_hung_up_on_and_the_others_are_served(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    if not LONG and not mutant:
        settings[PATIENCE_S] = str(SHORT_PATIENCE_S)
    waits_s = {kind: MUTANT_WAITS_S if mutant else deadline + SLACK_S for kind, deadline in DEADLINES_S.items()}
    async with serving(shared_production, **settings) as (node,):
        somebody = await member(node.client)

        async def call() -> None:
            (await node.client.get("/v1/users/me", headers=somebody.headers)).raise_for_status()

        await steadily(call, per_second=RATE, seconds=1)
        quiet = await steadily(call, per_second=RATE, seconds=5 if LONG else 2)
        dawdlers = [
            asyncio.create_task(dawdle(node, kind, waits_s[kind]))
            for kind in SAID
            for _ in range(size(f"slow_clients.{kind}"))
        ]
        await asyncio.sleep(0.5)
        crowded = await steadily(call, per_second=RATE, seconds=10 if LONG else 2)
        closed_after = await asyncio.gather(*dawdlers)

    closed = sum(seconds is not None for seconds in closed_after)
    before, during = quantile(quiet, 0.99), quantile(crowded, 0.99)
    line = (
        f"{closed} of {len(dawdlers)} were closed; of {len(crowded)} calls meanwhile none failed, "
        f"p99 {before * 1000:.1f} → {during * 1000:.1f} ms"
    )
    clean = closed == len(dawdlers) and during <= SLOWER_AT_MOST * before
    verdict("36 slow clients", Measured(clean, line), seed=seed, mutant=mutant)


async def dawdle(node: Node, kind: str, within_s: float) -> float | None:
    """Say a little and go on very slowly; after how many seconds the server hung up, None if it did not."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
    line.setblocking(False)
    loop, started = asyncio.get_running_loop(), time.monotonic()
    await loop.sock_connect(line, (LOCALHOST, node.port))
    try:
        await loop.sock_sendall(line, SAID[kind])
        while time.monotonic() - started < within_s:
            await asyncio.sleep(0.5)
            if kind in TRICKLES:
                await loop.sock_sendall(line, TRICKLES[kind])
            if _is_closed(line):
                return time.monotonic() - started
    except ConnectionError:
        return time.monotonic() - started
    finally:
        line.close()
    return None


def _is_closed(line: socket.socket) -> bool:
    """Whether the other side has ended it. Looks without reading: who dawdles over an answer doesn't read it."""
    with suppress(BlockingIOError):
        if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return True
        return line.recv(1, socket.MSG_PEEK) == b""
    return False
