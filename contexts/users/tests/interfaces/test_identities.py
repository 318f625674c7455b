"""Who comes by an identity provider: first sight, linking, unlinking, and being shut out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import event

from contexts.users.tests.conftest import Rows
from contexts.users.tests.interfaces.ann import (
    ANN,
    SUBJECT,
    WITHIN_S,
    Ann,
    bearer,
    counts,
    refused,
    settings_with,
)
from contexts.users.tests.interfaces.conftest import ADA, PASSWORD, authorization
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.database import POOL_SIZE
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_core.testing.servers import run_sql
from hedgerow_users.infrastructure.provider_issuers import BELIEVED_FOR_S
from hedgerow_users.settings import SmtpAddress, UsersSettings

AT_ONCE = 20


@pytest.fixture
def local_issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(algorithm="ES256")
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture
def settings(mailbox: Mailbox, local_issuer: LocalIssuer) -> UsersSettings:
    return settings_with(local_issuer, SmtpAddress.parse(mailbox.url))


@pytest.fixture
def ann(http: httpx.AsyncClient, local_issuer: LocalIssuer, clock: FakeClock) -> Ann:
    return Ann(http, local_issuer, clock)


# First sight


async def test_at_first_sight_an_account_is_opened_and_then_recognized(ann: Ann, rows: Rows) -> None:
    first, again = await ann.get(), await ann.get(email="other@example.org", name="Other")

    assert first.status_code == again.status_code == httpx.codes.OK
    account = first.json()
    assert (account["email"], account["name"], account["roles"]) == (ANN, "Ann Example", ["user"])
    assert account["verified_at"] is not None
    assert again.json() == account
    assert await counts(rows) == (1, 1, 1)
    ((password_hash,),) = await rows("SELECT password_hash FROM accounts")
    assert password_hash is None


@pytest.fixture
async def crowded(ann: Ann, rows: Rows) -> None:
    """Everything that the first of many would wait for is there: keys and connections. So they come at once."""
    await ann.get(subject="acme|0", email="first@example.org")
    await asyncio.gather(*(rows("SELECT pg_sleep(0.1)") for _ in range(POOL_SIZE)))


@pytest.mark.usefixtures("crowded")
async def test_of_twenty_at_first_sight_one_opens_the_account_and_all_come_in(ann: Ann, rows: Rows) -> None:
    answers = await asyncio.gather(*(ann.get() for _ in range(AT_ONCE)))

    assert [answer.status_code for answer in answers] == [httpx.codes.OK] * AT_ONCE
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await counts(rows) == (2, 2, 2)


@pytest.mark.usefixtures("crowded")
async def test_a_subject_is_one_account_even_under_twenty_addresses_at_once(ann: Ann, rows: Rows) -> None:
    answers = await asyncio.gather(*(ann.get(email=f"ann{n}@example.org") for n in range(AT_ONCE)))

    assert {answer.status_code for answer in answers} == {httpx.codes.OK}
    assert await counts(rows) == (2, 2, 2)


@pytest.mark.usefixtures("crowded")
async def test_without_the_constraint_there_would_be_many(ann: Ann, rows: Rows, migrated: DatabaseAddress) -> None:
    broken = "ALTER TABLE users.identities DROP CONSTRAINT uq_identities_subject"
    await asyncio.to_thread(run_sql, migrated, broken)
    for opened in range(2, 7):  # a race is not always lost at the first try
        subject = f"auth0|newcomer-{opened}"
        comers = (ann.get(subject=subject, email=f"ann{opened}-{n}@example.org") for n in range(AT_ONCE))
        await asyncio.gather(*comers, return_exceptions=True)
        accounts, _identities, _events = await counts(rows)
        if accounts > opened:
            return
    pytest.fail("one account for each subject, though nothing keeps it so")


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": "not an address"},
        {"email": ["ann@example.org"]},
    ],
)
async def test_an_address_that_is_not_verified_is_none(ann: Ann, rows: Rows, claims: dict[str, Any]) -> None:
    answer = await ann.get(**claims)

    assert refused(answer) == (403, "users.identity_without_email")
    assert await counts(rows) == (0, 0, 0)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": None, "preferred_username": "annie"}, "annie"),
        ({"name": None}, "ann"),
        ({"name": "x" * 300}, "ann"),
        ({"name": "a\x00b"}, "ann"),
        ({"name": 7}, "ann"),
    ],
)
async def test_a_name_that_cannot_be_read_does_not_keep_anybody_out(
    ann: Ann, claims: dict[str, Any], name: str
) -> None:
    assert (await ann.get(**claims)).json()["name"] == name


async def test_an_account_is_never_taken_over_by_its_address(
    ann: Ann, ada: dict[str, Any], adas: dict[str, str], rows: Rows
) -> None:
    before = await counts(rows)
    for spelling in (ADA, ADA.upper()):
        answer = await ann.get(email=spelling)
        assert refused(answer) == (409, "users.identity_not_linked")
        assert "Log in" in answer.json()["detail"]
    assert await counts(rows) == before

    assert (await ann.link(adas, email=ADA)).status_code == httpx.codes.CREATED
    assert (await ann.get(email=ADA)).json()["id"] == ada["id"]


async def test_roles_come_from_here_and_never_from_the_token(ann: Ann, boss: dict[str, str]) -> None:
    claims = {"roles": ["super_admin"], "permissions": ["users:account:list"], "sid": "x"}
    assert (await ann.get(**claims)).json()["roles"] == ["user"]
    assert refused(await ann.get("/v1/users/accounts", **claims)) == (403, "not_permitted")


async def test_a_role_that_is_given_here_counts_within_a_second(
    ann: Ann, http: httpx.AsyncClient, boss: dict[str, str]
) -> None:
    account = (await ann.get()).json()
    path = f"/v1/users/accounts/{account['id']}/roles"
    assert (await http.post(path, headers=boss, json={"roles": ["admin"]})).status_code == httpx.codes.OK
    started = time.monotonic()
    while (await ann.get("/v1/users/accounts")).status_code != httpx.codes.OK:
        assert time.monotonic() - started < WITHIN_S
        await asyncio.sleep(0.01)


async def test_a_hot_caller_costs_a_look_up_in_half_a_second_and_no_more(ann: Ann, database: Database) -> None:
    await ann.get()
    statements: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: statements.append(statement),
    )
    started = time.monotonic()
    for _ in range(20):
        assert (await ann.get("/v1/users/accounts")).status_code == httpx.codes.FORBIDDEN
    halves = int((time.monotonic() - started) / BELIEVED_FOR_S) + 1

    look_ups = [statement for statement in statements if "FROM identities" in statement]
    assert len(look_ups) <= halves


# Being shut out


async def test_who_is_deactivated_is_refused_within_a_second_and_let_in_again(
    ann: Ann, http: httpx.AsyncClient, boss: dict[str, str]
) -> None:
    account = (await ann.get()).json()
    path = f"/v1/users/accounts/{account['id']}"
    await http.post(f"{path}/deactivate", headers=boss)
    assert refused(await ann.until_refused()) == (403, "users.account_deactivated")
    await http.post(f"{path}/reactivate", headers=boss)
    assert (await ann.get()).status_code == httpx.codes.OK


async def test_who_is_deleted_is_refused_within_a_second_and_gets_no_new_account(
    ann: Ann, http: httpx.AsyncClient, boss: dict[str, str], rows: Rows
) -> None:
    account = (await ann.get()).json()
    await http.delete(f"/v1/users/accounts/{account['id']}", headers=boss)

    assert refused(await ann.until_refused()) == (401, "invalid_token")
    assert refused(await ann.get(email="new@example.org")) == (401, "invalid_token")
    ((email, ended),) = await rows("SELECT email, ended_at IS NOT NULL FROM identities")
    assert (email, ended) == (None, True)


async def test_who_deletes_their_own_account_is_refused(ann: Ann, http: httpx.AsyncClient) -> None:
    await ann.get()
    assert (await http.delete("/v1/users/me", headers=bearer(ann.token()))).status_code == httpx.codes.NO_CONTENT
    assert refused(await ann.until_refused()) == (401, "invalid_token")


async def test_while_the_provider_is_away_its_tokens_wait_and_ours_do_not(
    ann: Ann, local_issuer: LocalIssuer, http: httpx.AsyncClient, adas: dict[str, str]
) -> None:
    local_issuer.stop()
    answer = await ann.get()
    assert refused(answer) == (503, "users.provider_keys_unknown")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert (await http.get("/v1/users/me", headers=adas)).status_code == httpx.codes.OK
    assert refused(await ann.link(adas)) == (503, "users.provider_keys_unknown")


# Linking and unlinking


async def test_an_owner_links_lists_and_unlinks(
    ann: Ann, http: httpx.AsyncClient, ada: dict[str, Any], adas: dict[str, str]
) -> None:
    linked = await ann.link(adas)
    again = await ann.link(adas)
    assert linked.status_code == again.status_code == httpx.codes.CREATED
    assert linked.json() == again.json()
    assert (linked.json()["provider"], linked.json()["subject"], linked.json()["email"]) == ("acme", SUBJECT, ANN)
    assert (await ann.get()).json()["id"] == ada["id"]

    listed = await http.get("/v1/users/me/identities", headers=bearer(ann.token()))
    assert listed.json() == {"items": [linked.json()], "next": None}

    path = f"/v1/users/me/identities/{linked.json()['id']}"
    assert (await http.delete(path, headers=adas)).status_code == httpx.codes.NO_CONTENT
    assert refused(await http.delete(path, headers=adas)) == (404, "users.identity_not_found")
    assert (await http.get("/v1/users/me/identities", headers=adas)).json()["items"] == []


async def test_an_unlinked_identity_does_not_speak_for_the_account_any_more(
    ann: Ann, http: httpx.AsyncClient, ada: dict[str, Any], adas: dict[str, str]
) -> None:
    linked = await ann.link(adas, email=ADA)
    assert (await ann.get(email=ADA)).json()["id"] == ada["id"]
    await http.delete(f"/v1/users/me/identities/{linked.json()['id']}", headers=adas)
    assert refused(await ann.until_refused(email=ADA)) == (409, "users.identity_not_linked")


async def test_pages_of_identities_hold(ann: Ann, http: httpx.AsyncClient, adas: dict[str, str]) -> None:
    for number in range(3):
        await ann.link(adas, subject=f"acme|{number}")
    seen, cursor = [], ""
    while True:
        query = f"/v1/users/me/identities?limit=2{cursor}"
        page = (await http.get(query, headers=adas)).json()
        seen += [identity["subject"] for identity in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == ["acme|0", "acme|1", "acme|2"]


async def test_linking_needs_the_password(ann: Ann, adas: dict[str, str], rows: Rows) -> None:
    assert refused(await ann.link(adas, password="not hers")) == (422, "users.wrong_password")
    assert await rows("SELECT * FROM identities") == []


async def test_linking_needs_a_code_where_a_second_factor_is_on(
    ann: Ann, http: httpx.AsyncClient, adas: dict[str, str], rows: Rows, clock: FakeClock
) -> None:
    factor, proof = "/v1/users/me/second-factor", {"current_password": PASSWORD}
    app = pyotp.TOTP((await http.post(factor, headers=adas, json=proof)).json()["secret"])
    confirmed = await http.post(f"{factor}/confirm", headers=adas, json={"code": app.at(clock.now())})

    assert refused(await ann.link(adas)) == (422, "users.code_missing")
    assert refused(await ann.link(adas, code="no code")) == (422, "users.wrong_code")
    assert await rows("SELECT * FROM identities") == []
    assert (await ann.link(adas, code=confirmed.json()["recovery_codes"][0])).status_code == 201


@pytest.mark.parametrize("claims", [{"aud": "there"}, {"exp": 1}, {"iss": "https://evil.example"}, {"iss": "us"}])
async def test_only_a_good_token_of_a_known_provider_is_linked(
    ann: Ann, adas: dict[str, str], claims: dict[str, Any]
) -> None:
    assert refused(await ann.link(adas, **claims)) == (422, "users.unusable_identity_token")


async def test_one_of_our_own_tokens_is_nobodys_identity(http: httpx.AsyncClient, adas: dict[str, str]) -> None:
    body = {"token": adas["Authorization"].removeprefix("Bearer "), "current_password": PASSWORD}
    answer = await http.post("/v1/users/me/identities", headers=adas, json=body)
    assert refused(answer) == (422, "users.unusable_identity_token")


async def test_an_identity_stands_for_one_account(
    ann: Ann, http: httpx.AsyncClient, adas: dict[str, str], boss: dict[str, str]
) -> None:
    await ann.link(adas)
    assert refused(await ann.link(boss)) == (409, "users.identity_taken")
    await ann.get(subject="acme|43", email="carl@example.org")
    assert refused(await ann.link(boss, subject="acme|43")) == (409, "users.identity_taken")


async def test_of_two_accounts_that_link_one_identity_at_once_one_gets_it(
    ann: Ann, adas: dict[str, str], boss: dict[str, str], rows: Rows
) -> None:
    answers = await asyncio.gather(*(ann.link(headers) for headers in (adas, boss) for _ in range(4)))
    accepted = [answer for answer in answers if answer.status_code == httpx.codes.CREATED]
    assert {refused(answer) for answer in answers if answer not in accepted} <= {(409, "users.identity_taken")}
    assert len({answer.json()["id"] for answer in accepted}) == 1
    assert len(await rows("SELECT * FROM identities")) == 1


async def test_who_came_by_a_provider_does_not_change_who_may_come(ann: Ann, http: httpx.AsyncClient) -> None:
    await ann.get()
    by_provider = bearer(ann.token())
    (identity,) = (await http.get("/v1/users/me/identities", headers=by_provider)).json()["items"]
    assert refused(await ann.link(by_provider, subject="acme|43")) == (403, "users.local_login_needed")
    unlinked = await http.delete(f"/v1/users/me/identities/{identity['id']}", headers=by_provider)
    assert refused(unlinked) == (403, "users.local_login_needed")


async def test_an_identity_of_somebody_else_looks_like_none(
    ann: Ann, http: httpx.AsyncClient, adas: dict[str, str], boss: dict[str, str]
) -> None:
    linked = await ann.link(adas)
    path = f"/v1/users/me/identities/{linked.json()['id']}"
    assert refused(await http.delete(path, headers=boss)) == (404, "users.identity_not_found")
    assert (await http.get("/v1/users/me/identities", headers=boss)).json()["items"] == []
    assert (await http.get("/v1/users/me/identities", headers=adas)).json()["items"] != []


async def test_who_has_come_by_a_provider_may_set_a_password_and_then_log_in(
    ann: Ann, http: httpx.AsyncClient, rows: Rows, adas: dict[str, str]
) -> None:
    await ann.get()
    await rows(
        "UPDATE accounts SET password_hash = (SELECT password_hash FROM accounts WHERE email = :ada)"
        " WHERE email = :ann",
        ada=ADA,
        ann=ANN,
    )
    headers = await authorization(http, ANN)
    (identity,) = (await http.get("/v1/users/me/identities", headers=headers)).json()["items"]
    unlinked = await http.delete(f"/v1/users/me/identities/{identity['id']}", headers=headers)
    assert unlinked.status_code == httpx.codes.NO_CONTENT
