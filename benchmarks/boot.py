"""`make bench-boot`: how long a host takes to its first answer, and a newcomer to the first green test.

Exits 1 if a limit is missed. A boot is a process of its own, from `hedgerow api` to the first 200 of a context's
route, on a migrated database; hosts of few and of many contexts take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

from benchmarks.many_contexts import install_many
from benchmarks.measure import Result, Series, alternating, table
from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_core.testing.servers import free_port
from tests.processes import COMMAND, UV, clean_environment

FEW, MANY = 2, 50
TIMES, A_CONTEXT_MS = 1.5, 10.0
"""A host of many takes at most so many times as long as one of few, and so much more for each of its contexts."""
HELP_MS = 300.0
GREEN_S = 60.0
ROUNDS = 7
WITHIN_S = 120.0
_POLL_S = 0.005


def main() -> int:
    """Measure, print; returns the exit code."""
    options = _arguments().parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name:
        for what, benchmark in (("boot", boot), ("help", help_text), ("new", new_context)):
            if options.only in (None, what):
                print(f"{what} …", file=sys.stderr, flush=True)
                folder = Path(name) / what
                folder.mkdir()
                results += benchmark(folder, options.rounds)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    as_json = json.dumps([asdict(each) | {"kept": each.kept} for each in results], indent=2)
    print(as_json if options.json else f"{machine}\n\n{table(results)}")
    return 0 if all(result.kept for result in results) else 1


@dataclass(frozen=True, slots=True)
class Host:
    """A host of some of the contexts."""

    folder: Path
    environment: dict[str, str]

    async def boot(self) -> float:
        """Milliseconds from the command to the first 200.

        Raises:
            RuntimeError: it ended, or did not answer.
        """
        port, log = free_port(), self.folder / "log"
        route = f"http://127.0.0.1:{port}/v1/field00/plants"
        began = time.perf_counter()
        with log.open("wb") as written:
            process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
                [str(COMMAND), "api", "--port", str(port)],
                cwd=self.folder,
                env=self.environment,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            while not _answers(route):
                if process.poll() is not None or time.perf_counter() - began > WITHIN_S:
                    raise RuntimeError(f"the host did not start:\n{log.read_text()}")
                await asyncio.sleep(_POLL_S)
            return (time.perf_counter() - began) * 1000
        finally:
            process.terminate()
            process.wait(30)


def boot(folder: Path, rounds: int, *, few: int = FEW, many: int = MANY) -> list[Result]:
    """Hosts of few contexts and of many, on one database."""
    site = folder / "site"
    names = install_many(site, many)
    with embedded_postgres(folder / "data") as postgres:
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
        settings = {
            "HEDGEROW_DATABASE_URL": postgres.address.url.set(drivername="postgresql").render_as_string(
                hide_password=False
            ),
            "HEDGEROW_ENV": "test",
            "HEDGEROW_DRAIN_S": "0",  # nobody balances load here
            "PYTHONPATH": path,
        }
        sides = {
            size: Host(folder, clean_environment() | settings | {"HEDGEROW_CONTEXTS": ",".join(names[:count])})
            for size, count in (("few", few), ("many", many))
        }
        _timed([str(COMMAND), "migrate"], folder, sides["many"].environment)
        boots = {size: side.boot for size, side in sides.items()}
        asyncio.run(alternating(boots, 1))  # whatever is compiled is compiled
        measured = asyncio.run(alternating(boots, rounds))
    return [
        Result(
            name=f"boot of {many} contexts, beside {few}",
            subject=measured["many"],
            yardstick=measured["few"],
            unit="ms",
            figure=measured["many"].median,
            at_most=TIMES * measured["few"].median + A_CONTEXT_MS * many,
        )
    ]


def help_text(folder: Path, rounds: int) -> list[Result]:
    """`hedgerow --help`, in time of a processor: that of a clock grows with whatever else runs."""
    used = []
    for _ in range(rounds):
        before = _processor_ms()
        _timed([str(COMMAND), "--help"], folder, clean_environment())
        used.append(_processor_ms() - before)
    series = Series(tuple(used))
    return [Result(name="hedgerow --help", subject=series, unit="ms", figure=series.median, at_most=HELP_MS)]


def new_context(folder: Path, _rounds: int) -> list[Result]:
    """From `hedgerow new context` to its own green tests, in an app that is installed."""
    path = os.pathsep.join([str(COMMAND.parent), str(Path(UV).parent), os.environ["PATH"]])
    environment = clean_environment() | {"PATH": path}
    environment.pop("VIRTUAL_ENV", None)
    _timed(["hedgerow", "new", "app", "orchard"], folder, environment)
    app, run = folder / "orchard", ["uv", "run", "--no-sync"]
    took = _timed([*run, "hedgerow", "new", "context", "trees"], app, environment)
    took += _timed([*run, "pytest", "-q", "contexts/trees/tests"], app, environment)
    series = Series((took / 1000,))
    name = "new context → green tests"
    return [Result(name=name, subject=series, unit="s", figure=series.median, at_most=GREEN_S)]


def _timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Milliseconds that a command takes.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    took = (time.perf_counter() - began) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr[:2000]}")
    return took


def _processor_ms() -> float:
    """What all children that have ended have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:  # nobody listens yet
        return False


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boot", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured")
    parser.add_argument("--json", action="store_true", help="the results as JSON instead of a table")
    parser.add_argument("--only", choices=["boot", "help", "new"], help="one benchmark instead of all")
    return parser


if __name__ == "__main__":
    sys.exit(main())
