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

import psutil
import uvloop

from tests.raw_http import Answered, Caller


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
    memory_mb: float
    """Of the server, afterwards."""


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


class _Counter:
    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._status = b"%d" % shot.status
        self.took: list[float] = []
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        request = self._shot.request.encode()
        for _ in range(self._shot.connections):
            _, caller = await loop.create_connection(
                lambda: Caller(request, self._answered, self._lost), "127.0.0.1", self._shot.port
            )
            caller.send()

    def _answered(self, caller: Caller, answer: Answered) -> None:
        if answer.status != self._status:
            self._lost(caller, (answer.head + answer.body).decode("latin-1"))
            return
        self.took.append(answer.took_s)
        caller.send()

    def _lost(self, _caller: Caller, why: str) -> None:
        if not self._failure.done():
            self._failure.set_exception(WrongAnswer(why))

    async def during(self, seconds: float) -> None:
        done, _ = await asyncio.wait({self._failure}, timeout=seconds)
        if done:
            self._failure.result()


async def _measure(shot: Shot) -> Hit:
    counter = _Counter(shot)
    await counter.open()
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
        memory_mb=memory_mb(shot.pid),
    )


def processor_ns(pid: int) -> int:
    """The processor time that all living threads of a process have used."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((tasks / task / "schedstat").read_text().split()[0]) for task in os.listdir(tasks))


def memory_mb(pid: int) -> float:
    """What a process alone holds (USS), which it would give back at its end."""
    return float(psutil.Process(pid).memory_full_info().uss / 2**20)


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    os.sched_setaffinity(0, wanted["cores"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(_measure(Shot(**wanted))))))
