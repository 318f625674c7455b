"""`hedgerow dev`: one command, no servers. A parent that owns PostgreSQL, and a child that serves and reloads.

The child runs API and worker in one process and is replaced when code changes; PostgreSQL stays up meanwhile.
If the parent is killed, the child notices, ends, and takes PostgreSQL with it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import uvicorn
from uvicorn.supervisors.watchfilesreload import WatchFilesReload
from watchfiles import watch

from hedgerow_core.observability import configure_logging, log_of
from hedgerow_core.observability.own_code import entry_points_of_contexts
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import EmbeddedPostgres, embedded_postgres
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.listening import bound_socket
from hedgerow_host.problems import said_by
from hedgerow_host.settings import Environment, HostSettings

LOOK_UP_MS = 200
TOO_SOON_S = 10.0
"""A child that is killed twice this soon after its start dies of itself: it would be started again for ever."""

_log = log_of(__name__)


def run_dev(settings: HostSettings) -> int:
    """Serve until Ctrl-C; returns the exit code.

    Raises:
        HostError: the environment is not `dev`, or the port is taken.
        EmbeddedPostgresError: PostgreSQL did not start.
    """
    if settings.environment not in (None, Environment.DEV):
        raise HostError(
            f"HEDGEROW_ENV is {settings.environment}, and `hedgerow dev` is for development only",
            fix="unset it, or start `hedgerow api` and `hedgerow worker`",
            code=ExitCode.MISCONFIGURED,
        )
    settings = settings.model_copy(update={"environment": Environment.DEV})
    configure_logging(settings.log_format, level="WARNING")
    with bound_socket(settings.host, settings.port) as listening, _database(settings) as (address, postgres):
        child = DevServer(settings, address, settings.data_dir if postgres else None)
        config = uvicorn.Config(
            "hedgerow", log_config=None, reload=True, reload_dirs=_source_folders(), reload_delay=0.1
        )
        supervisor = DevSupervisor(config, target=child, sockets=[listening], postgres=postgres)
        supervisor.run()
        return supervisor.exit_code


@contextmanager
def _database(settings: HostSettings) -> Iterator[tuple[DatabaseAddress, EmbeddedPostgres | None]]:
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    with embedded_postgres(settings.data_dir) as postgres:
        yield postgres.address, postgres


class DevSupervisor(WatchFilesReload):
    """Replaces the serving child when a source file changes or it was killed. One that never came up ends all.

    PostgreSQL, if it is ours, is started again when it was killed.
    """

    reloaded = False
    died_soon = False
    gave_up = False

    def __init__(
        self,
        config: uvicorn.Config,
        target: DevServer,
        sockets: list[socket.socket],
        postgres: EmbeddedPostgres | None,
    ) -> None:
        super().__init__(config, target, sockets)
        self.postgres = postgres
        self.postgres_missed = False
        self.started_at = time.monotonic()
        # uvicorn's own watcher looks up every 5 s: too seldom to see that the child has ended.
        self.watcher = watch(
            *self.reload_dirs, stop_event=self.should_exit, yield_on_timeout=True, rust_timeout=LOOK_UP_MS
        )

    @property
    def exit_code(self) -> int:
        """0 after Ctrl-C; the child's own if it could not start, and 1 if it had none to give."""
        if self.gave_up:
            return ExitCode.CHECK_FAILED
        return (self.process.exitcode or 0) if self._never_came_up else ExitCode.FINE

    @property
    def _never_came_up(self) -> bool:
        return not self.reloaded and (self.process.exitcode or 0) > 0

    def should_restart(self) -> list[Path] | None:
        """The changed files, if any."""
        if self.postgres is not None and self.postgres.has_ended and not self.should_exit.is_set():
            self._start_postgres_again(self.postgres)
        if self._never_came_up:
            self.should_exit.set()
        elif self.process.exitcode == 0 and not self.reloaded and not self.should_exit.is_set():
            self.gave_up = True  # nobody has asked it to end
            self.should_exit.set()
        elif self.process.exitcode is not None and self.process.exitcode < 0:
            self._start_again_after(-self.process.exitcode)
        return super().should_restart()

    def _start_postgres_again(self, postgres: EmbeddedPostgres) -> None:
        try:
            postgres.start()
        except Exception as error:
            if not self.postgres_missed:
                _log.error(
                    "postgres_ended", error=said_by(error), note="it can't be started again; its log says why"
                )
            self.postgres_missed = True
            return
        self.postgres_missed = False
        _log.warning("postgres_ended", note="started again")

    def _start_again_after(self, signal: int) -> None:
        soon = time.monotonic() - self.started_at < TOO_SOON_S
        if soon and self.died_soon:
            _log.error("server_killed", signal=signal, note="twice within 10 s of its start: giving up")
            self.gave_up = True
            self.should_exit.set()
            return
        self.died_soon = soon
        _log.warning("server_killed", signal=signal, note="starting it again")
        self.restart()

    def restart(self) -> None:
        """Replace the child by one that runs the changed code."""
        self.reloaded = True
        assert isinstance(self.target, DevServer)  # noqa: S101 - for the type checker: `run_dev` passed it
        self.target = replace(self.target, announce=False)
        self.started_at = time.monotonic()
        super().restart()


@dataclass(frozen=True, slots=True)
class DevServer:
    """What the child does. It is pickled and sent there, so it holds plain values only."""

    settings: HostSettings
    address: DatabaseAddress
    embedded_in: Path | None
    announce: bool = True

    def __call__(self, sockets: list[socket.socket] | None) -> None:
        """Build everything from the code as it is now, and serve it on the socket of the parent."""
        # Imported here, so that the parent neither waits for these modules nor keeps an old version of them.
        from hedgerow_host.dev_server import serve_dev

        assert sockets  # noqa: S101 - for the type checker: the supervisor passes them
        serve_dev(self.settings, self.address, self.embedded_in, sockets[0], announce=self.announce)


def _source_folders() -> list[str]:
    """Where the code of host, core and contexts lies, unless it is installed for good."""
    contexts = {point.value.partition(".")[0] for point in entry_points_of_contexts()}
    roots = {"hedgerow_core", "hedgerow_host", *contexts}
    folders = []
    for root in sorted(roots):
        spec = find_spec(root)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if "site-packages" not in Path(folder).parts:
                folders.append(folder)
    return folders or [os.getcwd()]
