"""Callers that heed nothing, in a process of their own, which the server's would otherwise wait for.

`python -m …` takes a `Crowd` as JSON on stdin and prints what it `Heard`. Without a pace, each caller sends as soon
as it was answered. With one, requests are due at a steady pace whatever becomes of those before, as from people who
don't know of each other: one that finds no connection free opens another. With all in use, it is not sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import uvloop

from tests.raw_http import Answered, Caller

REFUSED = (b"429", b"503")
TICK_S = 0.001
KEPT_S = 1.0
"""Shorter than a server keeps an idle connection: otherwise a request may meet its end."""
LAST_WITHIN_S = 30.0
"""So long after the end, the last answers are waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who calls, and what they send."""

    host: str
    port: int
    request: str
    seconds: float
    callers: int
    """How many connections there are at most."""
    per_second: float = 0.0
    cores: tuple[int, ...] = ()
    """Where it may run; anywhere, if there is none."""


@dataclass(slots=True)
class Heard:
    """What a crowd was told."""

    seconds: float
    sent: int = 0
    found_none_free: int = 0
    """Requests that were due and not sent: all callers waited for an answer."""
    statuses: dict[str, int] = field(default_factory=dict)
    without_retry_after: int = 0
    """Refused, and not told when to come again."""
    served_after_s: list[float] = field(default_factory=list)
    """From when each was due."""
    served_in_time: int = 0
    """Before the time was over: the others were served by a server that had nothing else to do."""
    bad_until_s: float = 0.0
    """When the last one was not served, from the beginning."""

    def count(self, status: str) -> None:
        """One more heard this, or met this error."""
        self.statuses[status] = self.statuses.get(status, 0) + 1


class _Calling:
    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._request = crowd.request.encode()
        self._free: list[Caller] = []
        self._under_way: set[Caller] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._began = time.perf_counter()
        self.heard = Heard(crowd.seconds)

    async def call(self) -> None:
        at_first = self._crowd.callers if not self._crowd.per_second else 0
        for _ in range(at_first):
            self._free.append(await self._opened())
        self._began = time.perf_counter()
        await (self._at_a_pace() if self._crowd.per_second else self._again_and_again())
        await asyncio.gather(*self._opening)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WITHIN_S):
                while self._under_way:
                    self._ended.clear()
                    await self._ended.wait()
        for caller in [*self._free, *self._under_way]:
            caller.close()
        if self._under_way:
            self.heard.statuses["nothing"] = len(self._under_way)
            self.heard.bad_until_s = time.perf_counter() - self._began

    async def _again_and_again(self) -> None:
        for caller in list(self._free):
            self._send(caller)
        self._free.clear()
        await asyncio.sleep(self._crowd.seconds)

    async def _at_a_pace(self) -> None:
        pace, due = self._crowd.per_second, 0
        while not self._is_over():
            until = int((time.perf_counter() - self._began) * pace)
            for nth in range(due, until):
                self._send_at(self._began + nth / pace)
            due = until
            await asyncio.sleep(TICK_S)

    def _send_at(self, due_at: float) -> None:
        """The connection that was used last goes first: a server ends those that are idle for long."""
        if self._free and time.perf_counter() - self._free[-1].answered_at > KEPT_S:
            for caller in self._free:
                caller.close()
            self._free.clear()
        if self._free:
            self._send(self._free.pop(), due_at)
        elif len(self._under_way) + len(self._opening) < self._crowd.callers:
            opening = asyncio.create_task(self._open_and_send(due_at))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        else:
            self.heard.found_none_free += 1

    async def _open_and_send(self, due_at: float) -> None:
        try:
            caller = await self._opened()
        except OSError as error:
            self.heard.count(type(error).__name__)
        else:
            self._send(caller, due_at)

    def _send(self, caller: Caller, due_at: float | None = None) -> None:
        self.heard.sent += 1
        self._under_way.add(caller)
        caller.send(due_at)

    def _is_over(self) -> bool:
        return time.perf_counter() - self._began > self._crowd.seconds

    async def _opened(self) -> Caller:
        make = asyncio.get_running_loop().create_connection
        _, caller = await make(
            lambda: Caller(self._request, self._answered, self._lost), self._crowd.host, self._crowd.port
        )
        return caller

    def _answered(self, caller: Caller, answer: Answered) -> None:
        heard, status = self.heard, answer.status
        self._under_way.discard(caller)
        if status == b"503":
            heard.count(f"503 {json.loads(answer.body)['code']}")
        else:
            heard.count(status.decode())
        if status == b"200":
            heard.served_after_s.append(answer.took_s)
            heard.served_in_time += not self._is_over()
        else:
            heard.bad_until_s = time.perf_counter() - self._began
            heard.without_retry_after += status in REFUSED and b"\r\nretry-after: " not in answer.head
        if self._crowd.per_second or self._is_over():
            self._free.append(caller)
            self._ended.set()
        else:
            self._send(caller)

    def _lost(self, caller: Caller, why: str) -> None:
        """An idle one may be hung up on."""
        if caller not in self._under_way:
            self._free.remove(caller)
            return
        self._under_way.discard(caller)
        self.heard.count(why)
        self.heard.bad_until_s = time.perf_counter() - self._began
        self._ended.set()


async def heard(crowd: Crowd) -> Heard:
    """Have them call for so long. Answers that come later are waited for, and counted."""
    calling = _Calling(crowd)
    await calling.call()
    return calling.heard


if __name__ == "__main__":
    wanted = Crowd(**json.load(sys.stdin))
    if wanted.cores:
        os.sched_setaffinity(0, wanted.cores)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(asdict(runner.run(heard(wanted))), sys.stdout)
