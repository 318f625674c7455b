"""The routes of webhooks: whose rows they reach, what they refuse, and where a secret stands once and not again."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contexts.webhooks.tests.conftest import PAID, Pays, Register
from contexts.webhooks.tests.receiver import Receiver
from hedgerow_core.domain import new_id
from hedgerow_host.testing import HostApp, Person, Scenario
from hedgerow_webhooks.application.catalogue import EVENT_TYPES
from hedgerow_webhooks.domain.endpoint import MOST_ENDPOINTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDPOINTS = "/v1/webhooks/endpoints"
PUBLIC = "https://hooks.example.org/hedgerow"

# Who may call what: method, path, body, status for the owner, for another user, for an admin.
MATRIX: list[tuple[str, str, dict[str, Any] | None, int, int, int]] = [
    ("GET", "/endpoints/{endpoint}", None, 200, 404, 200),
    ("PATCH", "/endpoints/{endpoint}", {"description": "x"}, 200, 404, 404),
    ("POST", "/endpoints/{endpoint}/rotate-secret", None, 201, 404, 404),
    ("GET", "/endpoints/{endpoint}/messages", None, 200, 404, 200),
    ("POST", "/endpoints/{endpoint}/redeliver", {"since": "2026-01-01T00:00:00Z"}, 202, 404, 202),
    ("GET", "/messages/{message}", None, 200, 404, 200),
    ("POST", "/messages/{message}/redeliver", None, 202, 404, 202),
    ("DELETE", "/endpoints/{endpoint}", None, 204, 404, 404),
]
OPEN_TO_ALL_USERS = {("GET", "/event-types"), ("GET", "/endpoints"), ("POST", "/endpoints")}


async def test_every_route_is_in_the_matrix(host: HostApp) -> None:
    paths = host.app.openapi()["paths"]
    served = {
        (method.upper(), path.removeprefix("/v1/webhooks").replace("_id}", "}"))
        for path, methods in paths.items()
        if path.startswith("/v1/webhooks")
        for method in methods
    }
    assert served == {(method, path) for method, path, *_ in MATRIX} | OPEN_TO_ALL_USERS


async def test_owners_reach_their_own_and_who_looks_after_all_sees_everybodys(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, pays: Pays
) -> None:
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    (message,) = (await customer.get(f"{ENDPOINTS}/{endpoint['id']}/messages")).json()["items"]
    callers = (host.someone("user"), host.someone("admin"), customer)
    for method, path, body, own, foreign, admins in MATRIX:
        url = "/v1/webhooks" + path.format(endpoint=endpoint["id"], message=message["id"])
        assert (await host.anonymous.request(method, url, json=body)).status_code == 401, (method, path)
        for caller, expected in zip(callers, (foreign, admins, own), strict=True):
            answer = await caller.request(method, url, json=body)
            assert answer.status_code == expected, (method, path, answer.text)


async def test_a_list_shows_ones_own_and_everybodys_to_who_looks_after_all(
    host: HostApp, customer: Person, receiver: Receiver, register: Register
) -> None:
    other = host.someone()
    mine, theirs = await register(customer, receiver.url), await register(other, receiver.url)

    async def seen(person: httpx.AsyncClient, **where: str) -> set[str]:
        return {each["id"] for each in (await person.get(ENDPOINTS, params=where)).json()["items"]}

    assert await seen(customer) == {mine["id"]}
    assert await seen(customer, owner_id=str(other.id)) == set()
    assert await seen(host.someone("admin")) >= {mine["id"], theirs["id"]}
    assert await seen(host.someone("admin"), owner_id=str(other.id)) == {theirs["id"]}


async def test_a_secret_is_shown_once_and_nobody_keeps_the_answer(
    customer: Person, receiver: Receiver, register: Register
) -> None:
    body = {"url": receiver.url, "events": [PAID]}
    made = await customer.post(ENDPOINTS, json=body)
    assert made.headers["cache-control"] == "no-store"
    secret, location = made.json()["secret"], made.headers["location"]
    rotated = await customer.post(f"{location}/rotate-secret", json={"overlap_hours": 1})
    shown = [(await customer.get(url)).text for url in (location, ENDPOINTS)]
    shown.append((await customer.patch(location, json={"description": "x"})).text)
    assert not any(hidden in text for text in shown for hidden in (secret, rotated.json()["secret"], "whsec_"))


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"url": "http://hooks.example.org/"}, "webhooks.url_not_allowed", "url"),
    ({"url": "https://10.0.0.1/"}, "webhooks.url_not_allowed", "url"),
    ({"url": "https://user:password@hooks.example.org/"}, "webhooks.url_not_allowed", "url"),
    ({"events": ["users.user_updated"]}, "webhooks.unknown_event_type", "events"),
    ({"events": []}, "validation_failed", "events"),
    ({"events": ["x" * 201]}, "validation_failed", "events"),
    ({"description": "x" * 201}, "validation_failed", "description"),
    ({"description": "\x00"}, "validation_failed", "description"),
    ({"owner_id": str(uuid4())}, "validation_failed", "owner_id"),
    ({"secret": "whsec_mine"}, "validation_failed", "secret"),
]


async def test_what_can_not_be_registered_is_refused_by_name(customer: Person) -> None:
    for body, code, field in REFUSED:
        answer = await customer.post(ENDPOINTS, json={"url": PUBLIC, "events": [PAID], **body})
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert field in answer.text
    assert (await customer.get(ENDPOINTS)).json()["items"] == []


async def test_an_owner_has_so_many_endpoints_also_if_all_are_registered_at_once(customer: Person) -> None:
    body = {"url": PUBLIC, "events": [PAID]}
    answers = await asyncio.gather(*(customer.post(ENDPOINTS, json=body) for _ in range(MOST_ENDPOINTS + 3)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(201), codes.count(409)) == (MOST_ENDPOINTS, 3)
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"webhooks.too_many_endpoints"}


async def test_a_change_begins_from_what_was_seen(customer: Person, register: Register) -> None:
    endpoint = await register(customer, PUBLIC)
    url = f"{ENDPOINTS}/{endpoint['id']}"
    seen = (await customer.get(url)).headers["etag"]
    changed = await customer.patch(
        url, json={"url": "https://b.example.org/", "events": list(EVENT_TYPES)}, headers={"if-match": seen}
    )
    assert (changed.status_code, changed.json()["url"], changed.json()["version"]) == (
        200,
        "https://b.example.org/",
        2,
    )
    late = [
        await customer.patch(url, json={"enabled": False}, headers={"if-match": seen}),
        await customer.delete(url, headers={"if-match": seen}),
    ]
    assert [answer.status_code for answer in late] == [412, 412]
    refused = await customer.patch(url, json={"url": "https://intranet/"})
    assert refused.json()["code"] == "webhooks.url_not_allowed"


async def test_what_is_deleted_is_gone_with_its_log_and_nothing_is_sent_there(
    customer: Person, receiver: Receiver, register: Register, pays: Pays
) -> None:
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    (message,) = (await customer.get(f"{ENDPOINTS}/{endpoint['id']}/messages")).json()["items"]
    assert (await customer.delete(f"{ENDPOINTS}/{endpoint['id']}")).status_code == 204
    await pays(customer.id)
    assert len(receiver.received) == 1
    gone = await customer.get(f"/v1/webhooks/messages/{message['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "webhooks.message_not_found")


async def test_who_asks_is_told_which_events_there_are(customer: Person) -> None:
    told = (await customer.get("/v1/webhooks/event-types")).json()
    assert {each["type"]: each["description"] for each in told} == dict(EVENT_TYPES)


async def test_a_key_reaches_what_its_scopes_say(host: HostApp, register: Register) -> None:
    owner = new_id()
    key = host.someone(id=owner, scopes=["webhooks:endpoint:read"])
    assert (await key.get(ENDPOINTS)).status_code == 200
    assert (await key.post(ENDPOINTS, json={"url": PUBLIC, "events": [PAID]})).status_code == 403


async def test_pages_of_messages_go_on_and_can_be_narrowed(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    endpoint = await register(customer, receiver.url)
    url, ids = f"{ENDPOINTS}/{endpoint['id']}/messages", [str(await pays(customer.id)) for _ in range(3)]
    first = (await customer.get(url, params={"limit": 2})).json()
    second = (await customer.get(url, params={"limit": 2, "cursor": first["next"]})).json()
    assert sorted(each["webhook_id"] for each in first["items"] + second["items"]) == sorted(ids)
    assert second["next"] is None
    assert (await customer.get(url, params={"status": "failed"})).json()["items"] == []
    assert (await customer.get(url, params={"status": "unheard"})).status_code == 422
