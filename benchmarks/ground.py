"""The ground that all benchmarks stand on: one PostgreSQL with production's durability, one Redis, two contexts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_core.testing.servers import run_sql, running_redis
from tests.processes import Process, clean_environment, run, running

ROOT = Path(__file__).parent.parent
CONTEXTS = ("orchard", "press")
TREES = 1_000
"""Aggregates, and so ordering keys: enough to fill every partition."""
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
BARE_READY = "Worker process is ready for action"

# Beside what the ledger's migrations make. Both sides' effects have the same columns and indexes.
_TABLES = (
    "CREATE SCHEMA bare",
    "CREATE TABLE bare.inbox (event_id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())",
    *(
        f"CREATE TABLE {schema}.effects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "event_id uuid NOT NULL, tree uuid NOT NULL, number integer NOT NULL, variety text NOT NULL, "
        "grams integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())"
        for schema in ("bare", "press")
    ),
    "CREATE TABLE orchard.trees (id uuid PRIMARY KEY, version integer NOT NULL, grams bigint NOT NULL)",
    f"INSERT INTO orchard.trees SELECT md5(n::text)::uuid, 0, 0 FROM generate_series(1, {TREES}) n",
    "GRANT ALL ON press.effects TO hedgerow_press",
    "GRANT ALL ON orchard.trees TO hedgerow_orchard",
)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the servers are, and how processes are started on them."""

    address: DatabaseAddress
    folder: Path
    environment: dict[str, str]

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that may see and change everything, to prepare and to count with."""
        connection = await asyncpg.connect(self.environment["HEDGEROW_DATABASE_URL"])
        try:
            yield connection
        finally:
            await connection.close()

    async def run(self, *statements: str) -> None:
        """Run statements as the database's owner."""
        async with self.admin() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def row(self, query: str, *arguments: object) -> Any:
        """The only row of a query."""
        async with self.admin() as connection:
            return await connection.fetchrow(query, *arguments)

    @contextmanager
    def workers(self, processes: int, more: Mapping[str, str] | None = None) -> Iterator[Sequence[Process]]:
        """`hedgerow worker`, as often as wanted, ready; with `more` in their environment."""
        environment = self.environment | dict(more or {})
        with ExitStack() as stack:
            started = [
                stack.enter_context(running("worker", folder=self.folder, environment=environment))
                for _ in range(processes)
            ]
            for process in started:
                process.wait_for("worker_ready")
            yield started

    @contextmanager
    def bare_workers(self, processes: int, threads: int) -> Iterator[None]:
        """`dramatiq benchmarks.bare`, ready. Its master process only waits, so it isn't counted."""
        log = self.folder / f"bare-{time.monotonic_ns()}.log"
        command = [str(Path(sys.executable).with_name("dramatiq")), "benchmarks.bare"]
        options = ["--processes", str(processes), "--threads", str(threads)]
        process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=clean_environment() | self.environment | {"BARE_POOL": str(threads)},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 30
            while log.read_text().count(BARE_READY) < processes:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the bare worker did not start:\n{log.read_text()}")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait(30)

    @asynccontextmanager
    async def slowed_down(self, table: str, delay_s: float) -> AsyncIterator[None]:
        """Make every row inserted into `table` cost `delay_s` more: for the check that a verdict can be red."""
        await self.run(
            "CREATE OR REPLACE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_sleep({delay_s}); RETURN NEW; END $$",
            f"CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION public.slow()",
        )
        try:
            yield
        finally:
            await self.run(f"DROP TRIGGER slow ON {table}")


@contextmanager
def prepared() -> Iterator[Ground]:
    """Start the servers, install and migrate the contexts.

    Raises:
        RuntimeError: the server would lose commits, or the migration failed.
    """
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(embedded_postgres(folder / "data"))
        # When a transaction committed, to the microsecond. Both sides pay for it alike.
        run_sql(postgres.address, "ALTER SYSTEM SET track_commit_timestamp = on")
        postgres.stop()
        postgres.start()
        redis = stack.enter_context(running_redis(folder))
        url = postgres.address.url.set(drivername="postgresql").render_as_string(hide_password=False)
        paths = [str(_installed(folder / "site")), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {
            "HEDGEROW_DATABASE_URL": url,
            "HEDGEROW_BROKER_URL": redis.url,
            "HEDGEROW_CONTEXTS": ",".join(CONTEXTS),
            "HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000000",  # counted, as in production, and never met
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        migrated = run("migrate", folder=folder, environment=environment)
        if migrated.returncode != 0:
            raise RuntimeError(f"`hedgerow migrate` failed:\n{migrated.stderr}")
        ground = Ground(postgres.address, folder, environment)
        asyncio.run(ground.run(*_TABLES))
        asyncio.run(_refuse_unsafe(ground))
        yield ground


async def _refuse_unsafe(ground: Ground) -> None:
    for setting, wanted in DURABLE.items():
        (value,) = await ground.row("SELECT current_setting($1)", setting)
        if value != wanted:
            raise RuntimeError(f"PostgreSQL runs with {setting}={value}: figures would flatter, set it to {wanted}")


def _installed(site: Path) -> Path:
    """Install the benchmark's contexts for processes that have `site` on their path."""
    metadata = site / "benchmarks-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: benchmarks\nVersion: 1.0\n")
    entries = "".join(f"{name} = benchmarks.contexts.{name}\n" for name in CONTEXTS)
    (metadata / "entry_points.txt").write_text(f"[hedgerow.contexts]\n{entries}")
    sys.path.append(str(site))
    return site
