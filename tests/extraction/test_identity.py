"""A host without users believes whom the host with users believes, and nobody a second longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.apart import Apart, users_and_billing_apart
from tests.story import create_invoice, expect, sign_up


@pytest.fixture(scope="module")
def apart(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Apart]:
    with users_and_billing_apart(postgres_server, redis_url, tmp_path_factory.mktemp("apart")) as apart:
        yield apart


@pytest.fixture(scope="module")
def users(apart: Apart) -> Iterator[httpx.Client]:
    with apart.users.api() as (_api, client):
        yield client


@pytest.fixture(scope="module")
def billing(apart: Apart, users: httpx.Client) -> Iterator[httpx.Client]:
    with apart.billing.api() as (_api, client):
        yield client


def test_a_token_of_the_one_host_opens_the_other(users: httpx.Client, billing: httpx.Client) -> None:
    shopper = replace(sign_up(users), client=billing)

    invoice = create_invoice(shopper)
    assert expect(shopper.get(f"/v1/billing/invoices/{invoice['id']}"), 200)["id"] == invoice["id"]
