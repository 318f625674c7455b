"""Users and billing on two hosts with two databases, each by the name that the other one's settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.conftest import Production, migrated_production
from tests.processes import Process, running, wait_until_ready


@dataclass(frozen=True, slots=True)
class Placed:
    """One host, at an address that is known before it runs."""

    production: Production
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def api(self, **settings: str) -> Iterator[tuple[Process, httpx.Client]]:
        """A running API of it, and a client."""
        environment = {**self.production.environment, **settings}
        arguments = ("api", "--port", str(self.port))
        with running(*arguments, folder=self.production.folder, environment=environment) as process:
            wait_until_ready(self.url, process)
            with httpx.Client(base_url=self.url, timeout=10) as client:
                yield process, client


@dataclass(frozen=True, slots=True)
class Apart:
    """Both hosts."""

    users: Placed
    billing: Placed


@contextmanager
def users_and_billing_apart(server: DatabaseAddress, broker_url: str, folder: Path) -> Iterator[Apart]:
    """Two migrated hosts. Neither needs the other to start, so that tests may start and kill them as they like."""
    ports = {"users": free_port(), "billing": free_port()}
    with _placed("users", "billing", ports, server, broker_url, folder) as users:
        with _placed("billing", "users", ports, server, broker_url, folder) as billing:
            yield Apart(users, billing)


@contextmanager
def _placed(
    context: str, other: str, ports: dict[str, int], server: DatabaseAddress, broker_url: str, folder: Path
) -> Iterator[Placed]:
    home = folder / context
    home.mkdir()
    settings = {
        "HEDGEROW_CONTEXTS": context,
        f"HEDGEROW_REMOTES__{other.upper()}__URL": f"http://127.0.0.1:{ports[other]}",
        f"HEDGEROW_REMOTES__{other.upper()}__OPTIONAL": "true",
        "HEDGEROW_HOST_SECRET": f"for tests alone, and known to {context}",
    }
    with migrated_production(server, broker_url, home, settings) as production:
        yield Placed(production, ports[context])
