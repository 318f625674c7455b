"""What it costs to ask another host: `python -m benchmarks.wire` exits 1 if it is more than 3 ms, at the median.

The same two contexts and the same query, one question after the other, timed inside of the asking process: both in
one process, and each on a host of its own over loopback, with tokens, deadlines and bounds as in production.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx

from benchmarks.measure import Result, Series, alternating, table
from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_core.testing.servers import running_redis
from tests.extraction.hosts import Host, host, two_hosts
from tests.extraction.orchard_and_press import PRESS, install_orchard_and_press

P50_MS = 3.0
WARM_UP, QUESTIONS, ROUNDS = 200, 1_000, 7
PACE = """
    @router.get("/pace")
    @public
    async def pace(count: int, slow_s: float = 0) -> float:
        import statistics, time
        took = []
        for _ in range(count):
            started = time.perf_counter()
            await questions.ask("orchard.get_tree", {"number": 7, "slow_s": slow_s}, as_=Tree)
            took.append(time.perf_counter() - started)
        return statistics.median(took) * 1000

    return [router]
"""
"""The asker's own watch: the way of who measures is not measured."""


def main() -> int:
    """Measure, print; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.wire", description=__doc__)
    options.add_argument("--questions", type=int, default=QUESTIONS, help="in a round; fewer give a rough figure")
    options.add_argument("--slowed-by-ms", type=float, default=0, help="to see that the verdict goes red")
    chosen = options.parse_args()
    with placements() as (together, apart):
        result = asyncio.run(added_latency(together, apart, chosen.questions, chosen.slowed_by_ms / 1000))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n\n{table([result])}")
    return 0 if result.kept else 1


async def added_latency(together: Host, apart: Host, questions: int, slowed_s: float = 0) -> Result:
    """Ask in both placements in turns. The wire's side can be slowed down, to see that it misses its limit."""
    async with (
        httpx.AsyncClient(base_url=together.url, timeout=120) as here,
        httpx.AsyncClient(base_url=apart.url, timeout=120) as there,
    ):
        sides = {"here": partial(_pace, here, slow_s=0), "there": partial(_pace, there, slow_s=slowed_s)}
        for side in sides.values():
            await side(min(WARM_UP, questions))
        measured = await alternating({name: partial(side, questions) for name, side in sides.items()}, ROUNDS)
    pairs = zip(measured["here"].values, measured["there"].values, strict=True)
    return Result(
        name="g. a published query to another host, added, p50",
        subject=measured["there"],
        yardstick=measured["here"],
        unit="ms",
        figure=Series(tuple(over_there - over_here for over_here, over_there in pairs)).median,
        at_most=P50_MS,
    )


async def _pace(client: httpx.AsyncClient, count: int, *, slow_s: float) -> float:
    """The median of so many questions, in milliseconds."""
    answer = await client.get("/v1/press/pace", params={"count": count, "slow_s": slow_s})
    return float(answer.raise_for_status().json())


@contextmanager
def placements() -> Iterator[tuple[Host, Host]]:
    """The host that asks: with orchard beside it, and with orchard on another host. Both run."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        for part in ("site", "together", "apart"):
            (folder / part).mkdir()
        server = stack.enter_context(embedded_postgres(folder / "data")).address
        redis = stack.enter_context(running_redis(folder))
        installed = install_orchard_and_press(folder / "site", press=PRESS.replace("\n    return [router]\n", PACE))
        common = {
            "server": server,
            "broker_url": redis.url,
            "settings": {**installed, "HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000000"},
        }
        together = stack.enter_context(host("orchard", "press", folder=folder / "together", **common))
        orchard, press = stack.enter_context(two_hosts(["orchard"], ["press"], folder=folder / "apart", **common))
        stack.enter_context(orchard.started())
        for asking in (together, press):
            stack.enter_context(asking.api())
        yield together, press


if __name__ == "__main__":
    sys.exit(main())
