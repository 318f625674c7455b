"""`hedgerow dev`: one command, no servers. A parent that owns PostgreSQL, and a child that serves and reloads.

The child runs API and worker in one process and is replaced when code changes; PostgreSQL stays up meanwhile.
If the parent is killed, the child notices, ends, and takes PostgreSQL with it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import uvicorn
from uvicorn.supervisors.watchfilesreload import WatchFilesReload

from hedgerow_core.observability import configure_logging
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import embedded_postgres, stop_orphaned_postgres
from hedgerow_host.api import create_app, server_config
from hedgerow_host.banner import banner
from hedgerow_host.discovery import installed_contexts
from hedgerow_host.exits import ExitCode, HostError, leave_over
from hedgerow_host.mounting import routes_of
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.start import bound_socket, started

READY_POLL_S = 0.05
READY_TIMEOUT_S = 1.0


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
    with bound_socket(settings.host, settings.port) as listening, _database(settings) as (address, embedded_in):
        child = DevServer(settings, address, embedded_in)
        config = uvicorn.Config(
            "hedgerow", log_config=None, reload=True, reload_dirs=_source_folders(), reload_delay=0.1
        )
        supervisor = DevSupervisor(config, target=child, sockets=[listening])
        supervisor.run()
        return supervisor.exit_code


@contextmanager
def _database(settings: HostSettings) -> Iterator[tuple[DatabaseAddress, Path | None]]:
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    with embedded_postgres(settings.data_dir) as postgres:
        yield postgres.address, settings.data_dir


class DevSupervisor(WatchFilesReload):
    """Replaces the serving child when a source file changes. A child that never came up ends the whole."""

    reloaded = False

    @property
    def exit_code(self) -> int:
        """0 after Ctrl-C; the child's own if it could not start."""
        return (self.process.exitcode or 0) if self._never_came_up else ExitCode.FINE

    @property
    def _never_came_up(self) -> bool:
        return not self.reloaded and (self.process.exitcode or 0) > 0

    def should_restart(self) -> list[Path] | None:
        """The changed files, if any."""
        if self._never_came_up:
            self.should_exit.set()
        return super().should_restart()

    def restart(self) -> None:
        """Replace the child by one that runs the changed code."""
        self.reloaded = True
        assert isinstance(self.target, DevServer)  # noqa: S101 - for the type checker: `run_dev` passed it
        self.target = replace(self.target, announce=False)
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
        assert sockets  # noqa: S101 - for the type checker: the supervisor passes them
        configure_logging(self.settings.log_format)
        try:
            assembly = started(self.settings, self.address, migrate=True)
            readiness = Readiness(assembly, self.settings.broker_url)
            app = create_app(assembly, routes_of(assembly), readiness, with_worker=True)
        except Exception as error:
            leave_over(error)
        server = uvicorn.Server(server_config(app))
        port = sockets[0].getsockname()[1]
        url = f"http://{self._reachable_host}:{port}"

        async def serve() -> None:
            self._end_with_parent(server)
            serving = asyncio.create_task(server.serve(sockets=sockets))
            if await _answers(f"{url}/readyz", serving) and self.announce:
                sys.stdout.write(await banner(assembly, url, self.address, self.embedded_in))
                sys.stdout.flush()
            await serving

        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(serve())
        if _parent_is_gone() and self.embedded_in is not None:
            stop_orphaned_postgres(self.embedded_in)

    @property
    def _reachable_host(self) -> str:
        return "127.0.0.1" if self.settings.host in ("0.0.0.0", "") else self.settings.host  # noqa: S104

    def _end_with_parent(self, server: uvicorn.Server) -> None:
        parent = multiprocessing.parent_process()
        if parent is None:
            return

        def end() -> None:
            asyncio.get_running_loop().remove_reader(parent.sentinel)
            server.should_exit = True

        asyncio.get_running_loop().add_reader(parent.sentinel, end)


def _parent_is_gone() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


async def _answers(url: str, serving: asyncio.Task[None]) -> bool:
    """Whether `url` answers 200 before the server ends."""
    while not serving.done():
        try:
            await asyncio.to_thread(urllib.request.urlopen, url, timeout=READY_TIMEOUT_S)
        except OSError:
            await asyncio.sleep(READY_POLL_S)
        else:
            return True
    return False


def _source_folders() -> list[str]:
    """Where the code of host, core and contexts lies, unless it is installed for good."""
    roots = {"hedgerow_core", "hedgerow_host", *(c.module.partition(".")[0] for c in installed_contexts())}
    folders = []
    for root in sorted(roots):
        spec = find_spec(root)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if "site-packages" not in Path(folder).parts:
                folders.append(folder)
    return folders or [os.getcwd()]
