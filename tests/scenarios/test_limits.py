"""In production a host has limits, shows no document, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import Production
from tests.scenarios.test_errors import problem


@pytest.fixture
def two_clients(shared_production: Production) -> Iterator[list[httpx.Client]]:
    """Of two processes of one host."""
    production = shared_production.with_settings(HEDGEROW_ENV="prod", HEDGEROW_RATE_LIMIT_PER_MINUTE="18")
    with ExitStack() as stack:
        yield [stack.enter_context(production.api())[1] for _ in range(2)]


def test_processes_of_a_host_count_together_and_probes_do_not_count(two_clients: list[httpx.Client]) -> None:
    one, other = two_clients
    answers = [client.get("/.well-known/jwks.json") for client in (one, other, one, other)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    problem(refused, 429, "rate_limited")
    assert refused.headers["ratelimit-policy"] == '"default";q=18;w=60'
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    assert other.get("/livez").status_code == 200
    for path in ("/docs", "/openapi.json"):
        problem(one.get(path), 404, "not_found")
