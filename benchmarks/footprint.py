"""`python -m benchmarks.footprint`: how long the API takes to its first 200, its memory, and what contexts cost.

The yardstick of the first two is a process that imports what every such host needs, FastAPI, SQLAlchemy, asyncpg,
Alembic and uvicorn, and serves one route that reads one row. Hosts of 2 and of 50 contexts answer the same request.
Exits 1 if a limit is missed; `--ballast-mb` shows that the memory's can be.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks.http.load import Shot, memory_mb, shoot
from benchmarks.http.sides import ROOT, Ground, prepared
from benchmarks.many_contexts import install_many
from benchmarks.measure import Result, Series, alternating, ratio_of, table
from hedgerow_core.testing.servers import free_port
from tests.processes import COMMAND, clean_environment

TIMES, AT_MOST_S = 1.5, 2.5
FEW, MANY = 2, 50
LATENCY_TIMES = 1.1
OURS = [str(COMMAND), "api", "--port", "{port}"]
BARE = [
    sys.executable,
    "-m",
    "uvicorn",
    "benchmarks.http.bare_start:app",
    "--port",
    "{port}",
    "--log-level",
    "error",
]
READY_WITHIN_S = 60.0


class Started:
    """A server that was started, and what it took."""

    def __init__(self, ground: Ground, command: list[str], path: str, environment: dict[str, str]) -> None:
        self.port = free_port()
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [each.format(port=self.port) for each in command],
            cwd=ROOT,
            env=clean_environment() | ground.environment | {"BARE_DATABASE_URL": ground.url} | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not _answers(f"http://127.0.0.1:{self.port}{path}"):
            if self.process.poll() is not None or time.perf_counter() - began > READY_WITHIN_S:
                raise RuntimeError(f"{command} did not start")
            time.sleep(0.005)
        self.took_s = time.perf_counter() - began

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def starts(ground: Ground, rounds: int, ballast_mb: int) -> list[Result]:
    """Time to the first 200, and memory afterwards, of hosts of users and billing."""
    memory: dict[str, list[float]] = {"ours": [], "bare": []}
    ours = {"HEDGEROW_CONTEXTS": "users,billing"}

    def side(name: str, command: list[str], path: str, environment: dict[str, str]) -> Callable[[], object]:
        async def start() -> float:
            started = Started(ground, command, path, environment)
            memory[name].append(memory_mb(started.process.pid) + (ballast_mb if name == "ours" else 0))
            started.end()
            return started.took_s

        return start

    sides = {"ours": side("ours", OURS, "/readyz", ours), "bare": side("bare", BARE, "/one", {})}
    asyncio.run(alternating(sides, 1))  # whatever is compiled is compiled
    memory = {name: [] for name in memory}
    took = asyncio.run(alternating(sides, rounds))

    held = {name: Series(tuple(values)) for name, values in memory.items()}
    return [
        Result(
            name="cold start to the first 200",
            subject=took["ours"],
            yardstick=took["bare"],
            unit="s",
            figure=ratio_of(took["ours"], took["bare"]),
            at_most=TIMES,
        ),
        Result(
            name="cold start to the first 200, in seconds",
            subject=took["ours"],
            unit="s",
            figure=took["ours"].median,
            at_most=AT_MOST_S,
        ),
        Result(
            name="memory of the API's process",
            subject=held["ours"],
            yardstick=held["bare"],
            unit="MB",
            figure=ratio_of(held["ours"], held["bare"]),
            at_most=TIMES,
        ),
    ]


def contexts(ground: Ground, rounds: int, seconds: float) -> list[Result]:
    """Processor time of one request, in hosts of few and of many contexts."""
    site = ground.folder / "fields"
    names = install_many(site, MANY)
    path = {"PYTHONPATH": f"{site}{os.pathsep}{ground.environment['PYTHONPATH']}"}
    hosts = {
        size: path | {"HEDGEROW_CONTEXTS": ",".join(names[:count])}
        for size, count in (("few", FEW), ("many", MANY))
    }
    environment = clean_environment() | ground.environment | hosts["many"]
    subprocess.run([str(COMMAND), "migrate"], env=environment, check=True, capture_output=True)
    servers = {
        size: Started(ground, OURS, "/v1/field01/plants", environment) for size, environment in hosts.items()
    }
    try:

        def side(server: Started) -> Callable[[], object]:
            async def once() -> float:
                shot = Shot(
                    port=server.port,
                    request="GET /v1/field01/plants HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    status=200,
                    connections=8,
                    warm_up_s=0.5,
                    seconds=seconds,
                    pid=server.process.pid,
                    cores=ground.rest,
                )
                return (await asyncio.to_thread(shoot, shot)).cpu_us

            return once

        cost = asyncio.run(alternating({size: side(server) for size, server in servers.items()}, rounds))
    finally:
        for server in servers.values():
            server.end()
    return [
        Result(
            name=f"a request in a host of {MANY} contexts, beside {FEW}",
            subject=cost["many"],
            yardstick=cost["few"],
            unit="µs",
            figure=ratio_of(cost["many"], cost["few"]),
            at_most=LATENCY_TIMES,
        )
    ]


def main() -> int:
    """Measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured, in turns")
    parser.add_argument("--seconds", type=float, default=3.0, help="of load each time")
    parser.add_argument("--only", choices=["starts", "contexts"], help="one of them")
    parser.add_argument("--ballast-mb", type=int, default=0, help="to see that the verdict goes red")
    chosen = parser.parse_args()
    lines: list[Result] = []
    with prepared() as ground:
        if chosen.only in (None, "starts"):
            lines += starts(ground, chosen.rounds, chosen.ballast_mb)
        if chosen.only in (None, "contexts"):
            lines += contexts(ground, chosen.rounds, chosen.seconds)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n\n{table(lines)}")
    return 0 if all(each.kept for each in lines) else 1


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except HTTPError:
        return False
    except OSError:  # nobody listens yet
        return False


if __name__ == "__main__":
    sys.exit(main())
