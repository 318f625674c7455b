"""Users and billing on two hosts, which start in any order, and what is in front of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import Production
from tests.extraction.hosts import Host, two_hosts


@dataclass(frozen=True, slots=True)
class Apart:
    """Both hosts."""

    users: Host
    billing: Host

    @property
    def home(self) -> Production:
        """Where accounts are, for what is done there without HTTP."""
        return Production(self.users.folder, self.users.environment)

    def front(self) -> httpx.Client:
        """A client that finds both behind one name, as browsers do behind a proxy."""
        return httpx.Client(transport=_Front(self.users.url, self.billing.url), base_url="http://front", timeout=10)


@contextmanager
def users_and_billing(
    server: DatabaseAddress, broker_url: str, folder: Path, **settings_of_users: str
) -> Iterator[Apart]:
    """Two migrated hosts. Neither needs the other to start, so that tests may start and kill them as they like."""
    with two_hosts(["users"], ["billing"], server=server, broker_url=broker_url, folder=folder) as (users, billing):
        yield Apart(
            users.with_settings(**settings_of_users),
            billing.with_settings(HEDGEROW_REMOTES__USERS__OPTIONAL="true"),
        )


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
