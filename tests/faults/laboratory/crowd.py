"""Callers that heed nothing: `python -m … PORT SECONDS CALLERS PER_SECOND`; what to send is on stdin. Prints JSON.

With 0 per second, each sends as soon as it was answered; else requests are due at a steady pace, and whoever is
free takes the next. They have a process of their own, so that they don't hold up what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count

from hedgerow_core.testing.servers import LOCALHOST

UNAVAILABLE = (b"429", b"503")


@dataclass(slots=True)
class Heard:
    """What a crowd was told."""

    seconds: float
    sent: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    without_retry_after: int = 0
    """Refused, and not told when to come again."""
    served_after_s: list[float] = field(default_factory=list)
    served_in_time: int = 0
    """Before the time was over: the others were served by a server that had nothing else to do."""
    bad_until_s: float = 0.0
    """When the last one was not served, from the beginning."""

    def count(self, status: str) -> None:
        """One more heard this, or met this error."""
        self.statuses[status] = self.statuses.get(status, 0) + 1


async def crowd(port: int, request: bytes, seconds: float, callers: int, per_second: float) -> Heard:
    """Call for so long. Answers that come later are waited for, and counted."""
    heard, turn, began = Heard(seconds), count(), time.monotonic()

    async def call_on() -> None:
        reader, writer = await asyncio.open_connection(LOCALHOST, port)
        while True:
            due = began + next(turn) / per_second if per_second else time.monotonic()
            if due > began + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() > began + seconds:
                break
            heard.sent += 1
            try:
                await one(reader, writer)
            except (OSError, asyncio.IncompleteReadError) as error:
                heard.count(type(error).__name__)
                heard.bad_until_s = time.monotonic() - began
                reader, writer = await asyncio.open_connection(LOCALHOST, port)
        writer.close()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        started = time.monotonic()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        status = head[9:12]
        heard.count(f"503 {json.loads(body)['code']}" if status == b"503" else status.decode())
        if status == b"200":
            heard.served_after_s.append(time.monotonic() - started)
            heard.served_in_time += time.monotonic() <= began + seconds
            return
        heard.bad_until_s = time.monotonic() - began
        heard.without_retry_after += status in UNAVAILABLE and b"\r\nretry-after: " not in head

    await asyncio.gather(*(call_on() for _ in range(callers)))
    return heard


if __name__ == "__main__":
    port, seconds, callers, per_second = sys.argv[1:]
    said = asyncio.run(crowd(int(port), sys.stdin.buffer.read(), float(seconds), int(callers), float(per_second)))
    json.dump(asdict(said), sys.stdout)
