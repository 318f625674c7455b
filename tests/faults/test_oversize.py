"""Experiment 37: what is too large, too many or too deep is refused at once and fills no memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import psutil
import pytest

from hedgerow_core.testing.servers import LOCALHOST
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import Node, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins

WITHIN_S = 0.2 if LONG else 2.0
"""In the short tier other tests run beside this one."""
GROWS_AT_MOST_MB = 50.0
MEGABYTE = 1_000_000
HOST = f"Host: {LOCALHOST}\r\n".encode()
JSON = b"POST /v1/users/login HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
CHUNK = b"%x\r\n" % MEGABYTE + b" " * MEGABYTE + b"\r\n"


async def declared() -> AsyncIterator[bytes]:
    """A body whose length says that it is too large."""
    yield JSON + b"Content-Length: 200000000\r\n\r\n"
    for _ in range(200):
        yield b" " * MEGABYTE


async def chunked() -> AsyncIterator[bytes]:
    """A body that never said how large it would get."""
    yield JSON + b"Transfer-Encoding: chunked\r\n\r\n"
    for _ in range(200):
        yield CHUNK


async def long_headers() -> AsyncIterator[bytes]:
    """Two megabytes in one field."""
    yield b"GET /livez HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 2 * MEGABYTE + b"\r\n\r\n"


async def many_headers() -> AsyncIterator[bytes]:
    """Ten thousand fields."""
    yield b"GET /livez HTTP/1.1\r\n" + HOST + b"X-Some: a\r\n" * 10_000 + b"\r\n"


async def deep() -> AsyncIterator[bytes]:
    """JSON that a recursive reader falls into."""
    body = b'{"email": ' + b"[" * 400_000 + b"]" * 400_000 + b', "password": "a"}'
    yield JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body


KINDS = (declared, chunked, long_headers, many_headers, deep)


@pytest.mark.parametrize("mutant", with_twins("takes_everything"))
async def test_what_is_too_much_is_refused_at_once(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    wrong, slowest = list[str](), 0.0
    async with serving(shared_production, **settings) as (node,):
        before = _memory_mb(node)
        largest = before
        for kind in KINDS:
            for _ in range(1 if mutant else size("oversize.times")):
                status, seconds = await answered(node, kind())
                slowest, largest = max(slowest, seconds), max(largest, _memory_mb(node))
                if not 400 <= status < 500 or (status == 422 and kind is not deep):
                    wrong.append(f"{kind.__name__}: {status}")
    grown = largest - before
    line = (
        f"{len(wrong)} of them not refused {sorted(set(wrong))}; the slowest answer came after "
        f"{slowest * 1000:.0f} ms; memory grew by {grown:.0f} MB"
    )
    clean = not wrong and slowest <= WITHIN_S and grown <= GROWS_AT_MOST_MB
    verdict("37 oversize", Measured(clean, line), seed=seed, mutant=mutant)


async def answered(node: Node, request: AsyncIterator[bytes]) -> tuple[int, float]:
    """The status, 0 if none came, and how long it took from the first byte sent."""
    reader, writer = await asyncio.open_connection(LOCALHOST, node.port)
    started = time.monotonic()

    async def send() -> None:
        with suppress(ConnectionError):
            async for part in request:
                writer.write(part)
                await writer.drain()

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(30):
            head = await reader.readline()
        return int(head.split()[1]) if head else 0, time.monotonic() - started
    except (TimeoutError, ConnectionError):
        return 0, time.monotonic() - started
    finally:
        sending.cancel()
        writer.close()


def _memory_mb(node: Node) -> float:
    return float(psutil.Process(node.process.pid).memory_info().rss / MEGABYTE)
