"""`python -m benchmarks.idle`: what a worker of users and billing costs that has nothing to do, in % of a core.

It counts both sides of the matter: the worker's processor time, and that of PostgreSQL, which answers it. Measured
from `SILENCE_S` on, when the dispatchers are asleep. `--events-a-second 50` keeps it busy: then the verdict is red.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import asyncpg

from benchmarks.measure import Result, Series, table
from benchmarks.processor import postmaster_in, used_s
from hedgerow_core.messaging.dispatcher import ASLEEP_AFTER_S
from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_core.testing.servers import running_redis
from tests.processes import run, running

AT_MOST_PERCENT = 2.0
SILENCE_S = ASLEEP_AFTER_S + 5
_PUBLISH = """
    INSERT INTO users.outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at, actor)
    SELECT uuidv7(), 'users.user_registered', 1, 'user', id, 1, jsonb_build_object('user_id', id, 'name', 'Ann',
        'email', id || '@example.com', 'registered_at', clock_timestamp()), clock_timestamp(), 'benchmark'
    FROM uuidv7() AS id
"""


def idle(*, rounds: int, seconds: float, events_a_second: float) -> list[Result]:
    """The worker's line, which is judged, and PostgreSQL's, to be read."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(embedded_postgres(folder / "data"))
        redis = stack.enter_context(running_redis(folder))
        url = postgres.address.url.set(drivername="postgresql").render_as_string(hide_password=False)
        environment = {
            "HEDGEROW_DATABASE_URL": url,
            "HEDGEROW_BROKER_URL": redis.url,
            "HEDGEROW_CONTEXTS": "users,billing",
            "USERS_SMTP_URL": "smtp://127.0.0.1:9",  # nobody is written to
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        migrated = run("migrate", folder=folder, environment=environment)
        if migrated.returncode != 0:
            raise RuntimeError(f"`hedgerow migrate` failed:\n{migrated.stderr}")
        worker = stack.enter_context(running("worker", folder=folder, environment=environment))
        worker.wait_for("worker_ready")
        time.sleep(SILENCE_S)
        watched = {"worker": worker.pid, "PostgreSQL for it": postmaster_in(folder)}
        shares: dict[str, list[float]] = {name: [] for name in watched}
        for _ in range(rounds):
            before, began = {name: used_s(pid) for name, pid in watched.items()}, time.monotonic()
            asyncio.run(_let_pass(url, seconds, events_a_second))
            lasted = time.monotonic() - began
            for name, pid in watched.items():
                shares[name].append(100 * (used_s(pid) - before[name]) / lasted)
    series = {name: Series(tuple(values)) for name, values in shares.items()}
    return [
        Result(
            name=f"idle {name}",
            subject=measured,
            unit="% of a core",
            figure=measured.median,
            at_most=AT_MOST_PERCENT if name == "worker" else None,
        )
        for name, measured in series.items()
    ]


async def _let_pass(url: str, seconds: float, events_a_second: float) -> None:
    if not events_a_second:
        await asyncio.sleep(seconds)
        return
    connection = await asyncpg.connect(url)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await connection.execute(_PUBLISH)
        await asyncio.sleep(1 / events_a_second)
    await connection.close()


def main() -> int:
    """Measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round")
    parser.add_argument(
        "--events-a-second", type=float, default=0.0, help="keep it busy, to see that the verdict goes red"
    )
    chosen = parser.parse_args()
    lines = idle(rounds=chosen.rounds, seconds=chosen.seconds, events_a_second=chosen.events_a_second)
    print(table(lines))
    return 0 if all(line.kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
