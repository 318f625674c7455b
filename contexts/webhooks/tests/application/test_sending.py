"""The way of an event to a customer: to its owner alone, signed, again until it arrives, and written down."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx

from contexts.webhooks.tests.conftest import PAID, Pays, Register, paid
from contexts.webhooks.tests.receiver import Received, Receiver, status
from hedgerow_core.domain import Secret
from hedgerow_core.testing import Rows
from hedgerow_host.testing import HostApp, Person, Scenario
from hedgerow_users.application.webhook_signatures import SentWebhook, is_signed
from hedgerow_webhooks.application.tasks.send_message import PLAN
from hedgerow_webhooks.domain.signing_secret import SigningSecret


def believed(host: HostApp, received: Received, secret: str) -> bool:
    """As a customer of ours would judge it."""
    sent = SentWebhook(
        id=received.headers["webhook-id"],
        timestamp=received.headers["webhook-timestamp"],
        signatures=received.headers["webhook-signature"],
        body=received.body,
    )
    return is_signed(sent, [SigningSecret(Secret(secret)).key], at=host.clock.now())


async def messages_of(person: httpx.AsyncClient, endpoint: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    answer = await person.get(f"/v1/webhooks/endpoints/{endpoint['id']}/messages", params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_an_event_is_sent_to_its_owner_signed_and_written_down(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, pays: Pays
) -> None:
    receiver.now_answers(status(200, b"thank you"))
    endpoint = await register(customer, receiver.url)
    event_id = await pays(customer.id, secret_of_the_house="not for customers")

    (received,) = receiver.received
    assert received.id == str(event_id)
    assert believed(host, received, endpoint["secret"])
    body = json.loads(received.body)
    assert (body["type"], body["timestamp"]) == (PAID, "2026-01-15T12:00:00Z")
    assert body["data"]["customer_id"] == str(customer.id)
    assert "secret_of_the_house" not in body["data"], "what the catalogue does not name stays inside"
    (message,) = await messages_of(customer, endpoint)
    shown = (await customer.get(f"/v1/webhooks/messages/{message['id']}")).json()
    assert (shown["status"], shown["attempts"], shown["body"]) == ("delivered", 1, body)
    assert [(line["status"], line["answer"]) for line in shown["log"]] == [(200, "thank you")]


async def test_nobody_hears_of_what_concerns_others_or_of_what_they_did_not_choose(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, scenario: Scenario
) -> None:
    admin = host.someone("super_admin")
    await register(admin, receiver.url)
    await register(customer, receiver.url, "billing.invoice_voided")

    await scenario.happens(PAID, **paid(customer.id))
    await scenario.happens(PAID, **paid(host.someone().id))
    assert receiver.received == []
    await scenario.happens(PAID, **paid(admin.id))
    assert len(receiver.received) == 1, "the way is open"


async def test_what_fails_is_sent_again_under_the_same_id_with_the_same_bytes(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    receiver.now_answers(status(500, b"on fire"), status(302, location="http://127.0.0.1:9/"), status(200))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    assert [(m["status"], m["attempts"], m["last_status"]) for m in await messages_of(customer, endpoint)] == [
        ("pending", 1, 500)
    ]
    for _ in range(2):
        await scenario.time_passes(timedelta(seconds=20))

    assert len({(each.id, each.body) for each in receiver.received}) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.received}) == 3
    assert believed(host, receiver.received[-1], endpoint["secret"])
    (message,) = await messages_of(customer, endpoint)
    assert (message["status"], message["attempts"], message["next_attempt_at"]) == ("delivered", 3, None)
    log = (await customer.get(f"/v1/webhooks/messages/{message['id']}")).json()["log"]
    assert [line["status"] for line in log] == [500, 302, 200]


async def test_while_a_secret_is_replaced_messages_are_believed_by_both_and_then_by_the_new_one(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    endpoint = await register(customer, receiver.url)
    rotate = f"/v1/webhooks/endpoints/{endpoint['id']}/rotate-secret"
    old, new = endpoint["secret"], (await customer.post(rotate, json={"overlap_hours": 2})).json()["secret"]

    await pays(customer.id)
    assert [believed(host, receiver.received[-1], secret) for secret in (old, new)] == [True, True]
    assert len(receiver.received[-1].headers["webhook-signature"].split(" ")) == 2
    await scenario.time_passes(timedelta(hours=2, seconds=1))
    await pays(customer.id)
    assert [believed(host, receiver.received[-1], secret) for secret in (old, new)] == [False, True]

    newest = (await customer.post(rotate, json={"overlap_hours": 0})).json()["secret"]
    await pays(customer.id)
    assert [believed(host, receiver.received[-1], secret) for secret in (new, newest)] == [False, True]


async def test_at_most_two_secrets_are_valid_however_often_they_are_replaced(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, pays: Pays
) -> None:
    endpoint = await register(customer, receiver.url)
    rotate = f"/v1/webhooks/endpoints/{endpoint['id']}/rotate-secret"
    secrets = [endpoint["secret"], *[(await customer.post(rotate)).json()["secret"] for _ in range(3)]]
    await pays(customer.id)
    assert [believed(host, receiver.received[-1], secret) for secret in secrets] == [False, False, True, True]


async def test_who_receives_nothing_for_days_is_switched_off_and_its_owner_hears_of_it_elsewhere(
    host: HostApp, customer: Person, register: Register, pays: Pays, scenario: Scenario, rows: Rows
) -> None:
    with Receiver(status(500)) as broken, Receiver() as sound:
        failing = await register(customer, broken.url)
        await register(customer, sound.url, "webhooks.endpoint_disabled")
        await pays(customer.id)
        await scenario.time_passes(timedelta(days=4, hours=23))
        assert (await customer.get(f"/v1/webhooks/endpoints/{failing['id']}")).json()["status"] == "enabled"
        await scenario.time_passes(timedelta(hours=13))

        shown = (await customer.get(f"/v1/webhooks/endpoints/{failing['id']}")).json()
        assert (shown["status"], shown["failing_since"] is not None) == ("failing", True)
        (event,) = scenario.published("webhooks.endpoint_disabled")
        assert (event.payload["endpoint_id"], event.payload["reason"]) == (failing["id"], "failing")
        assert json.loads(sound.received[-1].body)["data"]["endpoint_id"] == failing["id"]
        told = await rows("SELECT subject_id FROM audit_entries WHERE action = 'webhooks.endpoint_disabled'")
        assert [row.subject_id for row in told] == [failing["id"]]

        sent = len(broken.received)
        await pays(customer.id)
        await scenario.time_passes(timedelta(days=3))
        assert len(broken.received) == sent, "nothing is sent there any more"
        assert {message["status"] for message in await messages_of(customer, failing)} == {"failed"}

        again = await customer.patch(f"/v1/webhooks/endpoints/{failing['id']}", json={"enabled": True})
        assert (again.json()["status"], again.json()["failing_since"]) == ("enabled", None)
        broken.now_answers(status(200))
        await pays(customer.id)
        assert len(broken.received) == sent + 1


async def test_a_success_in_between_means_that_it_is_not_failing(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    endpoint = await register(customer, receiver.url)
    for answer in (500, 200, 500):
        receiver.now_answers(status(answer))
        await pays(customer.id)
        receiver.now_answers(status(200))
        await scenario.time_passes(timedelta(days=3))
    shown = (await customer.get(f"/v1/webhooks/endpoints/{endpoint['id']}")).json()
    assert (shown["status"], shown["failing_since"]) == ("enabled", None)


async def test_an_address_begins_with_a_clean_sheet_and_a_description_changes_nothing(
    customer: Person, receiver: Receiver, register: Register, pays: Pays
) -> None:
    receiver.now_answers(status(500))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    url = f"/v1/webhooks/endpoints/{endpoint['id']}"
    described = (await customer.patch(url, json={"description": "x"})).json()
    assert described["failing_since"] == (await customer.get(url)).json()["failing_since"] is not None
    moved = (await customer.patch(url, json={"url": f"{receiver.url}/new"})).json()
    assert moved["failing_since"] is (await customer.get(url)).json()["failing_since"] is None


async def test_who_says_410_is_left_alone_at_once(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    receiver.now_answers(status(410))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    await scenario.time_passes(timedelta(days=1))
    assert len(receiver.received) == 1
    assert (await customer.get(f"/v1/webhooks/endpoints/{endpoint['id']}")).json()["status"] == "gone"


async def test_after_every_planned_attempt_a_message_has_failed_and_may_be_sent_again(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario, rows: Rows
) -> None:
    receiver.now_answers(status(500))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    await rows("UPDATE messages SET tries = :tries", tries=PLAN.attempts - 1)
    await scenario.time_passes(timedelta(seconds=20))
    (message,) = await messages_of(customer, endpoint, status="failed")
    assert len(receiver.received) == 2

    receiver.now_answers(status(200))
    answer = await scenario.after(customer.post(f"/v1/webhooks/messages/{message['id']}/redeliver"))
    assert (answer.status_code, len({each.id for each in receiver.received})) == (202, 1)
    assert [m["status"] for m in await messages_of(customer, endpoint)] == ["delivered"]


async def test_who_has_it_sent_again_while_it_waits_has_it_sent_once(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    receiver.now_answers(status(500), status(200))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    (message,) = await messages_of(customer, endpoint)
    await scenario.after(customer.post(f"/v1/webhooks/messages/{message['id']}/redeliver"))
    await scenario.time_passes(timedelta(days=1))
    assert len(receiver.received) == 2, "what was planned before is dropped"


async def test_all_that_failed_since_then_is_sent_again(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario, rows: Rows
) -> None:
    endpoint = await register(customer, receiver.url)
    for _ in range(3):
        await pays(customer.id)
    await rows("UPDATE messages SET status = 'failed'")
    url = f"/v1/webhooks/endpoints/{endpoint['id']}/redeliver"
    later = await customer.post(url, json={"since": "2030-01-01T00:00:00Z"})
    assert later.json() == {"messages": 0}
    answer = await scenario.after(customer.post(url, json={"since": "2026-01-01T00:00:00Z"}))
    assert answer.json() == {"messages": 3}
    assert len(receiver.received) == 6
    assert len({each.id for each in receiver.received}) == 3


async def test_nothing_is_sent_to_an_endpoint_that_is_off(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    receiver.now_answers(status(500), status(200))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    await customer.patch(f"/v1/webhooks/endpoints/{endpoint['id']}", json={"enabled": False})
    await pays(customer.id)
    await scenario.time_passes(timedelta(days=1))

    (message,) = await messages_of(customer, endpoint)
    assert (message["status"], len(receiver.received)) == ("failed", 1)
    answer = await customer.post(f"/v1/webhooks/messages/{message['id']}/redeliver")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhooks.endpoint_switched_off")


async def test_an_endpoint_where_nothing_arrives_is_left_alone_for_a_while_by_all_messages(
    customer: Person, receiver: Receiver, register: Register, scenario: Scenario, pays: Pays, rows: Rows
) -> None:
    receiver.now_answers(status(500))
    await register(customer, receiver.url)
    for _ in range(6):
        await pays(customer.id)
    assert len(receiver.received) == 3, "the others wait, and cost nothing"
    receiver.now_answers(status(200))
    await scenario.time_passes(timedelta(minutes=6))
    await scenario.time_passes(timedelta(minutes=6))
    states = await rows("SELECT status, count(*) AS n FROM messages GROUP BY status")
    assert [(row.status, row.n) for row in states] == [("delivered", 6)]


async def test_who_finds_no_lane_free_comes_again_and_has_tried_nothing(
    host: HostApp, customer: Person, receiver: Receiver, register: Register, pays: Pays, scenario: Scenario
) -> None:
    lanes = host.context("webhooks").container.lanes()
    endpoint = await register(customer, receiver.url)
    with lanes.lane(customer.id), lanes.lane(customer.id):
        await pays(customer.id)
        assert receiver.received == []
    await scenario.time_passes(timedelta(seconds=10))
    assert [m["attempts"] for m in await messages_of(customer, endpoint)] == [1]


async def test_where_nothing_may_be_sent_is_written_down_without_saying_what_was_found(
    customer: Person, receiver: Receiver, register: Register, pays: Pays, rows: Rows
) -> None:
    endpoint = await register(customer, receiver.url)
    await rows("UPDATE endpoints SET url = 'https://169.254.169.254/latest'")  # as if a name led there
    await pays(customer.id)
    (message,) = await messages_of(customer, endpoint)
    assert (message["status"], message["last_failure"], message["last_status"]) == (
        "pending",
        "forbidden_address",
        None,
    )
    assert "169.254" not in (await customer.get(f"/v1/webhooks/messages/{message['id']}")).text


async def test_the_account_of_an_owner_decides(
    customer: Person, receiver: Receiver, register: Register, scenario: Scenario, pays: Pays, rows: Rows
) -> None:
    await register(customer, receiver.url)
    await scenario.happens("users.user_deactivated", user_id=customer.id)
    await pays(customer.id)
    assert receiver.received == []
    await rows("UPDATE owners SET version = 0")  # the story numbers every event alike
    await scenario.happens("users.user_reactivated", user_id=customer.id)
    await pays(customer.id)
    assert len(receiver.received) == 1

    await scenario.happens("users.user_deleted", user_id=customer.id)
    await scenario.happens("users.user_reactivated", user_id=customer.id)
    for table in ("endpoints", "endpoint_secrets", "messages", "attempts"):
        assert await rows(f"SELECT 1 FROM {table}") == [], table
    await register(customer, receiver.url)
    await pays(customer.id)
    assert len(receiver.received) == 1, "who is deleted stays so"


async def test_messages_are_forgotten_with_their_log_after_the_time_that_they_are_kept(
    customer: Person, receiver: Receiver, register: Register, scenario: Scenario, pays: Pays, rows: Rows
) -> None:
    await register(customer, receiver.url)
    await pays(customer.id)
    await scenario.time_passes(timedelta(days=29))
    assert len(await rows("SELECT 1 FROM attempts")) == 1
    await scenario.time_passes(timedelta(days=2))
    assert await rows("SELECT 1 FROM attempts") == await rows("SELECT 1 FROM messages") == []


async def test_an_event_that_is_carried_twice_is_on_its_way_to_an_endpoint_once(
    customer: Person, receiver: Receiver, register: Register, scenario: Scenario, pays: Pays, rows: Rows
) -> None:
    await register(customer, receiver.url)
    await pays(customer.id)
    again = "UPDATE deliveries SET state = 'pending', completed_at = NULL, attempts = 0 WHERE type = :type"
    await rows(again, type=PAID)
    await scenario.quiet()
    assert len(receiver.received) == 1
    assert {row.state for row in await rows("SELECT state FROM deliveries")} == {"completed"}
