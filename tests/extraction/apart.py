"""Users and billing on two hosts, which start in any order, and what is in front of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import Production
from tests.extraction.front import front
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
        return front(self.users, self.billing)


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
