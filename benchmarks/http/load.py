"""The load generator: sends one request again and again over some connections, and reads the answers.

It is a process of its own, on a core of its own, and cheaper than all that it measures: about 25 µs a request. It
reads how much processor time the server used meanwhile: that can be trusted on a machine that others use, too.
`python -m benchmarks.http.load` takes a `Shot` as JSON on stdin and prints a `Hit`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is sent, where to and for how long."""

    port: int
    request: str
    status: int
    connections: int
    warm_up_s: float
    seconds: float
    pid: int
    """The server, whose processor time is read."""
    cores: tuple[int, ...]
    """Where the generator may run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What came back."""

    per_second: float
    cpu_us: float
    """Processor time of the server, a request."""
    p50_ms: float
    p99_ms: float


class WrongAnswer(Exception):
    """There is no figure: what was measured is not what was asked for."""


def shoot(shot: Shot) -> Hit:
    """Run the generator.

    Raises:
        WrongAnswer: an answer has another status than expected, or a connection was closed.
    """
    command = [sys.executable, "-m", "benchmarks.http.load"]
    done = subprocess.run(command, input=json.dumps(asdict(shot)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WrongAnswer(done.stderr[-2000:])
    return Hit(**json.loads(done.stdout))


class _Connection(asyncio.Protocol):
    def __init__(self, counter: _Counter) -> None:
        self._counter = counter
        self._sent_at = 0.0
        self._received = b""
        self._due = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # uvloop's own kind
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._counter.request)

    def data_received(self, data: bytes) -> None:
        if self._due:
            self._due -= len(data)
        else:
            self._received += data
            end = self._received.find(_END)
            if end < 0:
                return
            self._due = self._length(self._received[: end + 2]) - (len(self._received) - end - len(_END))
            self._received = b""
        if self._due == 0:
            self._counter.took.append(time.perf_counter() - self._sent_at)
            self._send()
        elif self._due < 0:
            self._counter.fail("more came than was said")

    def _length(self, head: bytes) -> int:
        if head[9:12] != self._counter.status:
            self._counter.fail(head.decode("latin-1"))
        fields = head.lower()
        at = fields.find(b"\r\ncontent-length: ")
        if at < 0:
            self._counter.fail("an answer without content-length")
        return int(fields[at + 18 : fields.find(b"\r\n", at + 2)])

    def connection_lost(self, exc: Exception | None) -> None:
        self._counter.fail(f"a connection was closed: {exc}")


class _Counter:
    def __init__(self, request: bytes, status: int) -> None:
        self.request = request
        self.status = b"%d" % status
        self.took: list[float] = []
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, why: str) -> None:
        if not self.failure.done():
            self.failure.set_exception(WrongAnswer(why))

    async def during(self, seconds: float) -> None:
        done, _ = await asyncio.wait({self.failure}, timeout=seconds)
        if done:
            self.failure.result()


async def _measure(shot: Shot) -> Hit:
    loop = asyncio.get_running_loop()
    counter = _Counter(shot.request.encode(), shot.status)
    for _ in range(shot.connections):
        await loop.create_connection(lambda: _Connection(counter), "127.0.0.1", shot.port)
    await counter.during(shot.warm_up_s)
    counter.took.clear()
    used, began = processor_ns(shot.pid), time.perf_counter()
    await counter.during(shot.seconds)
    took, lasted, used = sorted(counter.took), time.perf_counter() - began, processor_ns(shot.pid) - used
    if not took:
        raise WrongAnswer("nothing was answered")
    return Hit(
        per_second=len(took) / lasted,
        cpu_us=used / 1000 / len(took),
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[len(took) * 99 // 100] * 1000,
    )


def processor_ns(pid: int) -> int:
    """The processor time that all living threads of a process have used."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((tasks / task / "schedstat").read_text().split()[0]) for task in os.listdir(tasks))


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    os.sched_setaffinity(0, wanted["cores"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(_measure(Shot(**wanted))))))
