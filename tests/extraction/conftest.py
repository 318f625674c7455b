"""Hosts that were one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import LocalIssuer
from tests.extraction.apart import Apart, users_and_billing_apart


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    """An identity provider that the host of users believes."""
    issuer = LocalIssuer()
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def apart(
    postgres_server: DatabaseAddress,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    issuer: LocalIssuer,
) -> Iterator[Apart]:
    """Users and billing, each on a host of its own."""
    with users_and_billing_apart(postgres_server, redis_url, tmp_path_factory.mktemp("apart")) as apart:
        users = apart.users.with_settings(USERS_PROVIDERS=json.dumps([issuer.setting()]), USERS_COOKIES="true")
        yield Apart(users, apart.billing)
