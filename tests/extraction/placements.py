"""The same contexts in three placements: in one host, in two on one database, and in two with a database each.

In `wired` and `apart`, contexts of different hosts meet by HTTP alone; `apart` hosts have not even a server's
database in common, nor hints: a broker's names begin with those of the database.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

import httpx

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import LOCALHOST, database_for_test, free_port
from tests.extraction.front import front
from tests.extraction.hosts import Host, host_on
from tests.extraction.oracle_and_desk import install_oracle_and_desk
from tests.faults.laboratory.front import ROOT
from tests.faults.laboratory.supervisor import Supervisor
from tests.processes import Process, wait_until_ready


@dataclass(frozen=True, slots=True)
class Placement:
    """Which contexts share a host, and whether the hosts share a database."""

    name: str
    hosts: tuple[tuple[str, ...], ...]
    one_database: bool


TOGETHER = Placement("together", (("users", "oracle", "billing", "desk"),), one_database=True)
WIRED = Placement("wired", (("users", "oracle"), ("billing", "desk")), one_database=True)
APART = Placement("apart", (("users", "oracle"), ("billing", "desk")), one_database=False)


@dataclass(slots=True)
class Running:
    """A host with an API and a worker."""

    host: Host
    supervisor: Supervisor
    roles: dict[str, Process]

    @classmethod
    def of(cls, host: Host, supervisor: Supervisor) -> Running:
        """Start both. Waits for nothing."""
        running = cls(host, supervisor, {})
        for role in ("api", "worker"):
            running.start(role)
        return running

    def start(self, role: str) -> None:
        """Start the API or the worker. Waits for nothing."""
        arguments = ("--port", str(self.host.port)) if role == "api" else ()
        self.roles[role] = self.supervisor.start(role, *arguments)

    def kill(self, role: str) -> None:
        """SIGKILL, and the same again."""
        self.supervisor.kill(self.roles[role])
        self.start(role)

    def wait_until_ready(self) -> None:
        """Wait until both work."""
        wait_until_ready(self.host.url, self.roles["api"])
        self.roles["worker"].wait_for("worker_ready")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A placement at work."""

    placement: Placement
    running: tuple[Running, ...]

    def hosting(self, context: str) -> Running:
        """The host of this context."""
        return next(each for each in self.running if context in each.host.contexts)

    def database_of(self, context: str) -> str:
        """The URL of the database where its schema is."""
        return self.hosting(context).host.environment["HEDGEROW_DATABASE_URL"]

    def front(self) -> httpx.Client:
        """A client that finds all hosts behind one name."""
        return front(*(each.host for each in self.running))


Between = Callable[[int], AbstractContextManager[int]]
"""What stands between two hosts: for the port of one, the port by which the other one finds it."""


@contextmanager
def deployed(
    placement: Placement,
    server: DatabaseAddress,
    broker_url: str,
    folder: Path,
    *,
    between: Between = nullcontext,
    **settings: str,
) -> Iterator[Deployment]:
    """All of it, migrated and at work."""
    (folder / "installed").mkdir(parents=True)
    installed = install_oracle_and_desk(folder / "installed")["PYTHONPATH"]
    path = {"PYTHONPATH": os.pathsep.join((installed, str(ROOT)))}
    with ExitStack() as stack:
        databases = [stack.enter_context(database_for_test(server)) for _ in placement.hosts]
        ports = [free_port() for _ in placement.hosts]
        ways = [stack.enter_context(between(port)) for port in ports] if len(ports) > 1 else ports
        known = {context: way for contexts, way in zip(placement.hosts, ways, strict=True) for context in contexts}
        hosts = [
            host_on(
                databases[0] if placement.one_database else database,
                *contexts,
                broker_url=broker_url,
                folder=folder,
                settings={**_remotes(known, contexts), **path, **settings},
                port=port,
            )
            for contexts, database, port in zip(placement.hosts, databases, ports, strict=True)
        ]
        supervisors = [stack.enter_context(Supervisor(host.folder, host.environment)) for host in hosts]
        running = tuple(starmap(Running.of, zip(hosts, supervisors, strict=True)))
        for each in running:
            each.wait_until_ready()
        yield Deployment(placement, running)


def _remotes(known: Mapping[str, int], here: Sequence[str]) -> dict[str, str]:
    """The settings of a host for all contexts that are not here. It starts without them: they may be killed."""
    settings = {}
    for context in known.keys() - set(here):
        settings[f"HEDGEROW_REMOTES__{context.upper()}__URL"] = f"http://{LOCALHOST}:{known[context]}"
        settings[f"HEDGEROW_REMOTES__{context.upper()}__OPTIONAL"] = "true"
    return settings
