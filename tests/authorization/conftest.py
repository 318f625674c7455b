"""A running host with somebody of every role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import LocalIssuer
from tests.authorization.policy import POLICIES, ROLES, Operation, operations_of
from tests.conftest import Production, migrated_production, with_role
from tests.story import Shopper, expect


@dataclass(frozen=True, slots=True)
class Stage:
    """A running host, somebody of every role, and what the host says that it offers."""

    production: Production
    client: httpx.Client
    callers: dict[str, Shopper]
    document: dict[str, Any]
    issuer: LocalIssuer

    def operation(self, name: str) -> Operation:
        return operations_of(self.document)[name]

    def call(self, operation: Operation, role: str, row: str | None = None) -> httpx.Response:
        """Call it with an empty body, for a row of this id or for one that is not there."""
        path = operation.path_to(row or str(uuid4()))
        body = None if operation.method == "GET" else {}
        if role == "anonymous":
            return self.client.request(operation.method, path, json=body)
        spends = POLICIES[operation.id].spends
        caller = with_role(self.production, self.client, role) if spends else self.callers[role]
        return caller.request(operation.method, path, json=body)


@pytest.fixture(scope="package")
def issuer() -> Iterator[LocalIssuer]:
    """An identity provider that the host believes."""
    issuer = LocalIssuer()
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="package")
def production(
    postgres_server: DatabaseAddress,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    issuer: LocalIssuer,
) -> Iterator[Production]:
    with migrated_production(postgres_server, redis_url, tmp_path_factory.mktemp("matrix")) as production:
        yield production.with_settings(USERS_PROVIDERS=json.dumps([issuer.setting()]))


@pytest.fixture(scope="package")
def stage(production: Production, issuer: LocalIssuer) -> Iterator[Stage]:
    with production.api() as (_api, client):
        document = expect(client.get("/openapi.json"), 200)
        callers = {role: with_role(production, client, role) for role in ROLES[1:]}
        yield Stage(production, client, callers, document, issuer)
