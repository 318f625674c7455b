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
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.supervisor import CHILD
from tests.processes import PROGRAM, Process, ended, wait_until_ready


@dataclass(frozen=True, slots=True)
class Placed:
    """One host, at an address that is known before it runs."""

    production: Production
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def api(self, mutant: str | None = None) -> Iterator[tuple[Process, httpx.Client]]:
        """A running API of it, or of a mutant, and a client."""
        environment = {**self.production.environment, **({MUTANT: mutant} if mutant else {})}
        program = CHILD if mutant else PROGRAM
        arguments = ("api", "--port", str(self.port))
        process = Process(*arguments, folder=self.production.folder, environment=environment, program=program)
        with ended(process):
            wait_until_ready(self.url, process)
            with httpx.Client(base_url=self.url, timeout=10) as client:
                yield process, client

    def with_settings(self, **settings: str) -> Placed:
        """The same host with other settings."""
        return Placed(self.production.with_settings(**settings), self.port)


@dataclass(frozen=True, slots=True)
class Apart:
    """Both hosts."""

    users: Placed
    billing: Placed

    def front(self) -> httpx.Client:
        """A client that finds both behind one name, as browsers do behind a proxy."""
        return httpx.Client(transport=_Front(self.users.url, self.billing.url), base_url="http://front", timeout=10)


@contextmanager
def users_and_billing_apart(server: DatabaseAddress, broker_url: str, folder: Path) -> Iterator[Apart]:
    """Two migrated hosts. Neither needs the other to start, so that tests may start and kill them as they like."""
    ports = {"users": free_port(), "billing": free_port()}
    with (
        _placed("users", "billing", ports, server, broker_url, folder) as users,
        _placed("billing", "users", ports, server, broker_url, folder) as billing,
    ):
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


class _Front(httpx.HTTPTransport):
    """Hands a request on to whoever owns its path."""

    def __init__(self, users: str, billing: str) -> None:
        super().__init__()
        self._users, self._billing = httpx.URL(users), httpx.URL(billing)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        to_users = request.url.path.startswith(("/v1/users", "/.well-known"))
        host = self._users if to_users else self._billing
        request.url = request.url.copy_with(scheme=host.scheme, host=host.host, port=host.port)
        return super().handle_request(request)
