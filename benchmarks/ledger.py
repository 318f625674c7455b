"""`make bench-ledger`: measures the ledger against yardsticks in the same run, and exits 1 if a floor is missed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass

from benchmarks.ground import DURABLE, Ground, prepared
from benchmarks.measure import Result, table


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. The quick one shows that everything runs; its figures are rough."""

    rounds: int
    backlog: int
    """Events of a throughput round."""
    feed: int
    """Events that the relay carries."""
    remote: int
    """And the relay of a publisher in another host."""
    seconds: int
    """Of steady publishing."""
    transactions: int


NAMES = (
    "throughput",
    "throughput-2",
    "throughput-row-by-row",
    "throughput-2-row-by-row",
    "relay",
    "feed",
    "latency",
    "recording",
)

FULL = Size(rounds=5, backlog=20_000, feed=200_000, remote=50_000, seconds=15, transactions=500)
QUICK = Size(rounds=2, backlog=6_000, feed=20_000, remote=20_000, seconds=3, transactions=150)

Benchmark = Callable[[Ground, Size], Coroutine[None, None, list[Result]]]


def main() -> int:
    """Measure, print; returns the exit code."""
    options = _arguments().parse_args()
    size = QUICK if options.quick else FULL
    results: list[Result] = []
    with prepared() as ground:
        # The bare actor's module reads where its servers are when it is imported.
        os.environ |= {name: value for name, value in ground.environment.items() if name != "PYTHONPATH"}
        for name, benchmark in _benchmarks().items():
            if options.only in (None, name):
                print(f"{name} …", file=sys.stderr, flush=True)
                results += asyncio.run(benchmark(ground, size))
    print(_as_json(results) if options.json else f"{_machine()}\n\n{table(results)}")
    return 0 if all(result.kept for result in results) else 1


def _benchmarks() -> dict[str, Benchmark]:
    from benchmarks.feed import feed_rate
    from benchmarks.latency import latency
    from benchmarks.recording import recording
    from benchmarks.relay_rate import relay_rate
    from benchmarks.throughput import throughput

    def rates(processes: int, *, at_once: bool = False) -> Benchmark:
        return lambda ground, size: throughput(
            ground, processes=processes, events=size.backlog, rounds=size.rounds, at_once=at_once
        )

    return {
        "throughput": rates(1),
        "throughput-2": rates(2),
        "throughput-row-by-row": rates(1, at_once=True),
        "throughput-2-row-by-row": rates(2, at_once=True),
        "relay": lambda ground, size: relay_rate(ground, events=size.feed, rounds=size.rounds),
        "feed": lambda ground, size: feed_rate(ground, events=size.remote, rounds=size.rounds),
        "latency": lambda ground, size: latency(ground, seconds=size.seconds, rounds=size.rounds),
        "recording": lambda ground, size: recording(ground, transactions=size.transactions, rounds=size.rounds),
    }


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: some minutes, rough figures")
    parser.add_argument("--json", action="store_true", help="the results as JSON instead of a table")
    parser.add_argument(
        "--only",
        choices=NAMES,
        help="one benchmark instead of all",
    )
    return parser


def _as_json(results: list[Result]) -> str:
    return json.dumps([asdict(result) | {"kept": result.kept} for result in results], indent=2)


def _machine() -> str:
    settings = ", ".join(f"{name}={value}" for name, value in DURABLE.items())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}; PostgreSQL with {settings}"


if __name__ == "__main__":
    sys.exit(main())
