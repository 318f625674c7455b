"""Two hosts that know each other, as in production: each has a database, a port, a secret and processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import LOCALHOST, database_for_test, free_port
from tests.conftest import NO_MAIL, url_of
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.supervisor import CHILD
from tests.processes import NO_TLS, PROGRAM, Process, run, running, wait_until_ready

SECRET = "by which {} is known, and long enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One of them: what it hosts, and where it listens. Nothing of it runs by itself."""

    contexts: tuple[str, ...]
    port: int
    folder: Path
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Of its API."""
        return f"http://{LOCALHOST}:{self.port}"

    @contextmanager
    def api(self, mutant: str | None = None) -> Iterator[tuple[Process, httpx.Client]]:
        """A running API that is ready, and a client for it; of a mutant, if one is named."""
        with (
            self.started(mutant) as process,
            httpx.Client(base_url=self.url, timeout=20, verify=NO_TLS) as client,
        ):
            wait_until_ready(self.url, process)
            yield process, client

    @contextmanager
    def started(self, mutant: str | None = None) -> Iterator[Process]:
        """An API that starts; nobody waits for it."""
        environment = {**self.environment, **({MUTANT: mutant} if mutant else {})}
        program = CHILD if mutant else PROGRAM
        arguments = ("api", "--port", str(self.port))
        with running(*arguments, folder=self.folder, environment=environment, program=program) as process:
            yield process

    @contextmanager
    def worker(self) -> Iterator[Process]:
        """A running worker."""
        with running("worker", folder=self.folder, environment=self.environment) as process:
            process.wait_for("worker_ready")
            yield process

    def with_settings(self, **settings: str) -> Host:
        """The same host, other settings."""
        return replace(self, environment={**self.environment, **settings})


@contextmanager
def host(
    *contexts: str,
    server: DatabaseAddress,
    broker_url: str,
    folder: Path,
    settings: Mapping[str, str],
    port: int | None = None,
) -> Iterator[Host]:
    """A host with a migrated database of its own."""
    with database_for_test(server) as address:
        yield host_on(
            address, *contexts, broker_url=broker_url, folder=folder, settings=settings, port=port or free_port()
        )


def host_on(
    address: DatabaseAddress,
    *contexts: str,
    broker_url: str,
    folder: Path,
    settings: Mapping[str, str],
    port: int,
) -> Host:
    """A host on this database, where its contexts are migrated."""
    own = folder / "-".join(contexts)
    own.mkdir()
    environment = {
        "HEDGEROW_DATABASE_URL": url_of(address),
        "HEDGEROW_BROKER_URL": broker_url,
        "HEDGEROW_ENV": "test",
        "HEDGEROW_CONTEXTS": ",".join(contexts),
        "HEDGEROW_HOST_SECRET": SECRET.format(own.name),
        "USERS_SMTP_URL": NO_MAIL,
        **settings,
    }
    migrated = run("migrate", folder=own, environment=environment)
    assert migrated.returncode == 0, migrated.stderr
    return Host(contexts=contexts, port=port, folder=own, environment=environment)


@contextmanager
def two_hosts(
    first: Sequence[str],
    second: Sequence[str],
    *,
    server: DatabaseAddress,
    broker_url: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[Host, Host]]:
    """Two hosts that know each other. `settings` are those of both."""
    ports = free_port(), free_port()
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(
                host(
                    *contexts,
                    server=server,
                    broker_url=broker_url,
                    folder=folder,
                    settings={**remote(others, there), **(settings or {})},
                    port=port,
                )
            )
            for contexts, port, others, there in (
                (first, ports[0], second, ports[1]),
                (second, ports[1], first, ports[0]),
            )
        )
        yield one, other


def remote(contexts: Sequence[str], port: int) -> dict[str, str]:
    """The settings of a host for which these contexts live at another port."""
    return {f"HEDGEROW_REMOTES__{context.upper()}__URL": f"http://{LOCALHOST}:{port}" for context in contexts}
