"""Sockets that dawdle over headers, bodies or answers: `python -m … PORT SEED KIND:COUNT:WITHIN_S …`.

They have a process of their own: in that of whoever measures they would hold up what is measured. Prints, as JSON,
after how many seconds the server hung up on each; null if it did not.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import time
from contextlib import suppress

from hedgerow_core.testing.servers import LOCALHOST

PACE_S = 0.5
SMALL_WINDOW = 4096
HEAD = f"Host: {LOCALHOST}\r\n".encode()
SAID = {
    "headers": b"GET /livez HTTP/1.1\r\n" + HEAD,
    "body": b"POST /v1/users/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n"
    + HEAD
    + b"\r\n{",
    "answer": (b"GET /openapi.json HTTP/1.1\r\n" + HEAD + b"\r\n") * 60,
}
TRICKLES = {"headers": b"X", "body": b" "}


async def crowd(port: int, seed: int, wanted: list[tuple[str, int, float]]) -> list[float | None]:
    """All begin at a moment of their own: in step, a thousand would be a storm twice a second, and not slow."""
    dice = random.Random(seed)
    return await asyncio.gather(
        *(
            dawdle(port, kind, within_s, begin_s=dice.uniform(0, PACE_S))
            for kind, count, within_s in wanted
            for _ in range(count)
        )
    )


async def dawdle(port: int, kind: str, within_s: float, *, begin_s: float) -> float | None:
    """Say a little and go on very slowly."""
    await asyncio.sleep(begin_s)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
    line.setblocking(False)
    loop, started = asyncio.get_running_loop(), time.monotonic()
    await loop.sock_connect(line, (LOCALHOST, port))
    try:
        await loop.sock_sendall(line, SAID[kind])
        while time.monotonic() - started < within_s:
            await asyncio.sleep(PACE_S)
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


if __name__ == "__main__":
    port, seed, *wanted = sys.argv[1:]
    parts = [each.split(":") for each in wanted]
    closed_after = asyncio.run(
        crowd(int(port), int(seed), [(kind, int(count), float(within_s)) for kind, count, within_s in parts])
    )
    json.dump(closed_after, sys.stdout)
