"""Webhooks that are refused, and such as concern nobody here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from contexts.users.tests.conftest import Rows
from contexts.users.tests.interfaces.ann import counts, refused, settings_with
from contexts.users.tests.interfaces.provider import Provider
from contexts.users.tests.interfaces.refused.conftest import NO_MAIL
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_users.settings import UsersSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def local_issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(algorithm="ES256")
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def settings(local_issuer: LocalIssuer) -> UsersSettings:
    return settings_with(local_issuer, NO_MAIL)


@pytest.fixture
def provider(http: httpx.AsyncClient, local_issuer: LocalIssuer, clock: FakeClock) -> Provider:
    return Provider(http, local_issuer, clock)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("first", [True, False])
async def test_a_header_that_comes_twice_is_refused(
    http: httpx.AsyncClient, provider: Provider, name: str, first: bool
) -> None:
    good = provider.webhook("user.created")
    twice = [*good.headers.items()]
    twice.insert(0 if first else len(twice), (name, good.headers[name]))
    answer = await http.post("/v1/users/webhooks/acme", content=good.body, headers=twice)

    assert refused(answer) == (401, "users.webhook_refused")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'"user.created"',
        b'{"type": "user.created"}',
        b'{"type": "user.created", "data": []}',
        b'{"type": "user.created", "data": {}}',
        b'{"type": "user.created", "data": {"id": 42}}',
        b'{"type": "user.created", "data": {"id": ""}}',
        b'{"type": "user.created", "data": {"id": "a\\u0000b"}}',
        b'{"type": "user.created", "data": {"id": "\\ud800"}}',
        json.dumps({"type": "user.deleted", "data": {"id": "x" * 256}}).encode(),
    ],
)
async def test_what_is_signed_and_unreadable_is_said_to_be_so(
    http: httpx.AsyncClient, local_issuer: LocalIssuer, clock: FakeClock, body: bytes
) -> None:
    headers = dict(local_issuer.webhook("x", {}, at=clock.now()).headers)
    key = base64.b64decode(local_issuer.webhook_secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    headers["webhook-signature"] = f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
    answer = await http.post("/v1/users/webhooks/acme", content=body, headers=headers)
    assert refused(answer) == (422, "users.unreadable_webhook")


@pytest.mark.parametrize("type", ["session.created", "user", "user.created ", "User.Created", "", None])
async def test_what_is_told_of_other_things_is_left(provider: Provider, rows: Rows, type: Any) -> None:
    await provider.tells(type)
    assert await counts(rows) == (0, 0, 0)
