"""What identity providers tell us: signed or refused, acted upon once, and in whatever order it comes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import permutations
from typing import Any

import httpx
import pytest

from contexts.users.tests.conftest import Rows
from contexts.users.tests.interfaces.ann import ANN, SUBJECT, Ann, counts, refused, settings_with
from contexts.users.tests.interfaces.conftest import ADA
from contexts.users.tests.interfaces.provider import NO_CONTENT, Provider
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_core.testing.local_issuer import SignedWebhook
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users.application.commands.take_provider_news import REMEMBERED
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.identity import Identity
from hedgerow_users.interfaces.webhooks import MAX_BYTES
from hedgerow_users.settings import SmtpAddress, UsersSettings

PREVIOUS = f"whsec_{base64.b64encode(b'p' * 32).decode()}"


@pytest.fixture
def local_issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(algorithm="ES256")
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture
def settings(mailbox: Mailbox, local_issuer: LocalIssuer) -> UsersSettings:
    return settings_with(local_issuer, SmtpAddress.parse(mailbox.url), webhook_secret_previous=PREVIOUS)


@pytest.fixture
def ann(http: httpx.AsyncClient, local_issuer: LocalIssuer, clock: FakeClock) -> Ann:
    return Ann(http, local_issuer, clock)


@pytest.fixture
def provider(http: httpx.AsyncClient, local_issuer: LocalIssuer, clock: FakeClock) -> Provider:
    return Provider(http, local_issuer, clock)


# What is refused


async def test_a_refusal_does_not_say_what_was_wrong(
    provider: Provider, clock: FakeClock, local_issuer: LocalIssuer, rows: Rows
) -> None:
    good = provider.webhook("user.created")
    old = local_issuer.webhook("user.created", {"id": SUBJECT}, at=clock.now() - timedelta(seconds=301))
    stranger = provider.webhook("user.created", secret=f"whsec_{base64.b64encode(b'x' * 32).decode()}")
    lacking = [
        SignedWebhook({name: value for name, value in good.headers.items() if name != missing}, good.body)
        for missing in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ]
    changed = SignedWebhook(good.headers, good.body + b" ")
    answers = [await provider.send(webhook) for webhook in (old, stranger, changed, *lacking)]

    assert {refused(answer) for answer in answers} == {(401, "users.webhook_refused")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert await counts(rows) == (0, 0, 0)
    assert (await provider.send(good)).status_code == NO_CONTENT


async def test_both_secrets_are_good_while_one_is_replaced(provider: Provider) -> None:
    await provider.tells("user.created")
    assert (await provider.send(provider.webhook("user.updated", secret=PREVIOUS))).status_code == NO_CONTENT


async def test_a_provider_that_nobody_knows_sends_nothing(provider: Provider) -> None:
    for name in ("nobody", "acme%00", "..%2facme", "x" * 64):
        answer = await provider.send(provider.webhook("user.created"), to=name)
        assert answer.status_code == httpx.codes.NOT_FOUND, name


@pytest.mark.parametrize("declared", [True, False])
async def test_a_webhook_is_not_too_large(http: httpx.AsyncClient, provider: Provider, declared: bool) -> None:
    async def chunks() -> Any:
        for _ in range(MAX_BYTES // 1024 + 1):
            yield b" " * 1024

    content: Any = b" " * (MAX_BYTES + 1) if declared else chunks()
    answer = await http.post("/v1/users/webhooks/acme", content=content)
    assert refused(answer) == (413, "body_too_large")


# What is done


async def test_somebody_new_has_an_account_before_they_come(provider: Provider, ann: Ann, rows: Rows) -> None:
    await provider.tells("user.created")
    assert await counts(rows) == (1, 1, 1)
    account = (await ann.get()).json()
    assert (account["email"], account["name"], account["verified_at"] is not None) == (ANN, "Ann Example", True)
    assert await counts(rows) == (1, 1, 1)


@pytest.mark.parametrize("data", [{"email_verified": False}, {"email": None}, {"email": ADA}])
async def test_who_can_have_no_account_is_only_remembered(
    provider: Provider, ada: dict[str, Any], rows: Rows, data: dict[str, Any], ann: Ann
) -> None:
    await provider.tells("user.created", **data)
    assert await counts(rows) == (1, 1, 1)
    assert (await ann.get()).json()["email"] == ANN
    assert await counts(rows) == (2, 1, 2)


async def test_an_account_without_a_password_follows_its_provider(provider: Provider, ann: Ann, rows: Rows) -> None:
    await ann.get()
    await provider.tells("user.updated", email="annie@example.org", name="Annie", updated_at=provider.after(1))
    account = (await ann.get()).json()
    assert (account["email"], account["name"]) == ("annie@example.org", "Annie")
    ((changes,),) = await rows("SELECT payload -> 'changes' FROM outbox WHERE type = 'users.user_updated' LIMIT 1")
    assert changes


@pytest.mark.parametrize(
    "data", [{"email": "eve@example.org", "email_verified": False}, {"email": ADA.upper()}, {"email": None}]
)
async def test_an_address_that_is_unverified_or_taken_is_not_followed(
    provider: Provider, ann: Ann, ada: dict[str, Any], data: dict[str, Any]
) -> None:
    await ann.get()
    await provider.tells("user.updated", name="Annie", updated_at=provider.after(1), **data)
    account = (await ann.get()).json()
    assert (account["email"], account["name"]) == (ANN, "Annie")


async def test_an_account_with_a_password_is_its_owners(
    provider: Provider, ann: Ann, ada: dict[str, Any], adas: dict[str, str]
) -> None:
    await ann.link(adas, email=ADA)
    await provider.tells("user.updated", email="eve@example.org", name="Eve", updated_at=provider.after(1))
    assert (await ann.get()).json() == {**ada, "second_factor": None}
    await provider.tells("user.deleted")
    assert refused(await ann.until_refused()) == (401, "invalid_token")
    assert refused(await ann.link(adas)) == (409, "users.identity_taken")


async def test_a_webhook_deletes_whom_only_its_provider_lets_in(provider: Provider, ann: Ann, rows: Rows) -> None:
    await ann.get()
    await provider.tells("user.deleted", email=None, name=None)
    assert refused(await ann.until_refused()) == (401, "invalid_token")
    ((status, email),) = await rows("SELECT a.status, i.email FROM accounts a, identities i")
    assert (status, email) == ("deleted", None)
    assert len(await rows("SELECT 1 FROM outbox WHERE type = 'users.user_deleted'")) == 1


async def test_a_super_admin_stays_though_its_identity_ends(provider: Provider, ann: Ann, rows: Rows) -> None:
    await ann.get()
    await rows("UPDATE accounts SET roles = ARRAY['super_admin']")
    await provider.tells("user.deleted")
    assert refused(await ann.until_refused()) == (401, "invalid_token")
    assert [tuple(row) for row in await rows("SELECT status FROM accounts")] == [("active",)]


# Again, at once, and out of order


async def test_a_webhook_that_comes_again_is_acted_upon_once(
    provider: Provider, ann: Ann, rows: Rows, clock: FakeClock
) -> None:
    webhook = provider.webhook("user.created", message="msg_1")
    answers = await asyncio.gather(*(provider.send(webhook) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {NO_CONTENT}
    assert await counts(rows) == (1, 1, 1)
    # The same id says something else: it was acted upon.
    await provider.tells("user.deleted", message="msg_1")
    assert (await ann.get()).status_code == httpx.codes.OK

    clock.advance(REMEMBERED + timedelta(seconds=1))
    await provider.tells("user.updated", message="msg_2")
    assert [tuple(row) for row in await rows("SELECT webhook_id FROM webhook_receipts")] == [("msg_2",)]


async def test_of_many_about_one_newcomer_at_once_all_are_taken(provider: Provider, rows: Rows) -> None:
    webhooks = [provider.webhook("user.updated", updated_at=provider.after(n), name=f"Ann {n}") for n in range(8)]
    answers = await asyncio.gather(*(provider.send(webhook) for webhook in webhooks))
    assert {answer.status_code for answer in answers} <= {NO_CONTENT, httpx.codes.CONFLICT}
    for webhook in webhooks:  # as senders do
        assert (await provider.send(webhook)).status_code == NO_CONTENT
    assert await counts(rows) == (1, 1, 1)
    assert [tuple(row) for row in await rows("SELECT name FROM accounts")] == [("Ann 7",)]


NEWS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("user.created", {"name": "First", "email_verified": False}),
    ("user.updated", {"name": "Second"}),
    ("user.updated", {"name": "Third", "email": "third@example.org"}),
)


async def told_in_every_order(provider: Provider, rows: Rows, *, deletes: bool) -> set[tuple[Any, ...]]:
    """What becomes of somebody, for every order in which the news come in."""
    news = [*enumerate(NEWS), *([(len(NEWS), ("user.deleted", {}))] if deletes else [])]
    for number, order in enumerate(permutations(news)):
        for place, (type, data) in order:
            address = f"{number}-{data.get('email', 'second@example.org')}"
            told = {"id": f"acme|{number}", "updated_at": provider.after(place), **data, "email": address}
            await provider.tells(type, **told)
    found = await rows(
        "SELECT i.ended_at IS NULL, split_part(i.email, '-', 2), coalesce(a.status, 'none'), a.name,"
        " CASE WHEN a.status = 'active' THEN split_part(a.email, '-', 2) END"
        " FROM identities i LEFT JOIN accounts a ON a.id = i.account_id"
    )
    return {tuple(row) for row in found}


async def test_in_whatever_order_news_come_the_newest_holds(provider: Provider, rows: Rows) -> None:
    assert await told_in_every_order(provider, rows, deletes=False) == {
        (True, "third@example.org", "active", "Third", "third@example.org")
    }


async def test_who_is_deleted_stays_deleted_whatever_comes_late(provider: Provider, rows: Rows) -> None:
    outcomes = await told_in_every_order(provider, rows, deletes=True)

    assert {(lets_in, email, status) for lets_in, email, status, _name, _address in outcomes} == {
        (False, None, "deleted"),
        (False, None, "none"),
    }


async def test_if_the_older_overwrote_the_newer_it_would_show(
    provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believes_anything(identity: Identity, email: Email | None, *, as_of: Any) -> bool:
        identity.email = email or identity.email
        return True

    monkeypatch.setattr(Identity, "hear", believes_anything)

    assert len(await told_in_every_order(provider, rows, deletes=False)) > 1


async def test_who_was_deleted_before_we_met_gets_no_account(provider: Provider, ann: Ann, rows: Rows) -> None:
    await provider.tells("user.deleted")
    await provider.tells("user.created", updated_at=provider.after(5))
    assert refused(await ann.get()) == (401, "invalid_token")
    assert await counts(rows) == (0, 1, 0)


@pytest.mark.parametrize("unit", [1, 1000, None])
async def test_moments_are_read_as_providers_write_them(
    provider: Provider, ann: Ann, clock: FakeClock, unit: int | None
) -> None:
    def moment(seconds: float) -> object:
        if unit is None:
            return (clock.now() + timedelta(seconds=seconds)).isoformat()
        return provider.after(seconds) * unit

    await ann.get()
    await provider.tells("user.updated", name="New", updated_at=moment(2))
    await provider.tells("user.updated", name="Old", updated_at=moment(1))
    assert (await ann.get()).json()["name"] == "New"
