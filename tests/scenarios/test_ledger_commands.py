"""What an operator does at night: find what is stuck, see why, mend it, try it again."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import Production, migrated_production
from tests.garden import GARDEN, install_garden
from tests.processes import run, running
from tests.story import create_invoice, expect, sign_up, until_paid

COPY = "billing.copy_registered_user"
NEWCOMER = {"user_id": "0192f5e0-7c1e-7e6d-9a51-7461736b6b79", "email": "eve@example.com", "name": "Eve"}
COPIES = f"SELECT state FROM billing.deliveries WHERE subscription = '{COPY}' ORDER BY state"
EVERYTHING = "SELECT to_jsonb(d)::text AS row FROM billing.deliveries d"
UNAVAILABLE = 66600
"""The sandbox gateway never takes this amount."""


@pytest.fixture
def production(postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path) -> Iterator[Production]:
    with migrated_production(postgres_server, redis_url, tmp_path) as production:
        yield production


def run_in(production: Production, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, folder=production.folder, environment=production.environment)


def command(production: Production, *arguments: str) -> str:
    done = run_in(production, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(production: Production, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command(production, *arguments, "--json"))
    return found


def waiting_charge(production: Production) -> dict[str, Any]:
    """The charge, once its first attempt has failed."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for row in rows(production, "deliveries", "list", "--subscription", "billing.charge_payment"):
            if row["state"] == "retry_wait":
                return row
    raise AssertionError("the charge never failed")


def test_a_stuck_payment_is_found_explained_discarded_and_leaves_a_trail(production: Production) -> None:
    with production.worker(), production.api() as (_api, client):
        shopper = sign_up(client)
        id = create_invoice(shopper, unit_price=(UNAVAILABLE - 990) // 2)["id"]
        expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
        expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
        stuck = waiting_charge(production)

    assert "GatewayUnavailableError" in stuck["reason"]
    assert "payload" not in stuck
    assert "never available" in command(production, "deliveries", "list", "--state", "retry_wait")
    shown = json.loads(command(production, "deliveries", "show", stuck["event_id"]))
    assert shown[0]["payload"]["invoice_id"] == id
    assert "GatewayUnavailableError" in shown[0]["errors"][0]["type"]
    trace = command(production, "tasks", "show", stuck["event_id"], "--trace")
    assert trace.startswith("billing.charge_payment, attempt ")
    assert '\n  File "' in trace
    (task,) = rows(production, "tasks", "list", "--error", "never available")
    assert task == stuck | {name: task[name] for name in ("attempts", "next_at", "reason")}
    dry = run_in(production, "tasks", "retry", stuck["event_id"], "--dry-run")
    assert (dry.returncode, "not tried" in dry.stdout, "calls the world outside" in dry.stdout) == (0, True, True)
    decided = command(
        production, "deliveries", "discard", stuck["event_id"], "--why", "the amount is wrong", "--yes"
    )
    assert decided == "discard: 1 changed\n"
    (discarded,) = rows(production, "deliveries", "list", "--state", "discarded")
    assert discarded["reason"].endswith("the amount is wrong")
    again = command(production, "deliveries", "retry", "--state", "discarded", "--why", "it was right", "--yes")
    assert again == "retry: 1 changed\n"
    canceled = json.loads(
        command(production, "tasks", "cancel", stuck["event_id"], "--why", "never", "--yes", "--json")
    )
    assert (canceled["action"], canceled["changed"], canceled["remaining"]) == ("cancel", 1, 0)
    trail = [
        (each["action"], each["reason"], each["affected"])
        for each in rows(production, "audit", "--context", "billing")
    ]
    assert trail == [
        ("ledger.cancel", "never", 1),
        ("ledger.retry", "it was right", 1),
        ("ledger.discard", "the amount is wrong", 1),
    ]


def in_ledger(production: Production, *statements: str) -> list[dict[str, Any]]:
    """Run statements in the database as its owner; the rows of the last one."""

    async def execute() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
        for statement in statements:
            found = [dict(row) for row in await connection.fetch(statement)]
        await connection.close()
        return found

    return asyncio.run(execute())


def copies(production: Production) -> list[str]:
    """What became of each registration in billing, by its state."""
    return [row["state"] for row in in_ledger(production, COPIES)]


def until_copied(production: Production, *states: str) -> None:
    deadline = time.monotonic() + 30
    while copies(production) != sorted(states):
        assert time.monotonic() < deadline, f"the copies are {copies(production)}, not {states}"
        time.sleep(0.1)


def test_a_dead_copy_is_rehearsed_skipped_and_retried(production: Production) -> None:
    with production.api() as (_api, client):
        with production.worker():
            sign_up(client)
            until_copied(production, "completed")
        in_ledger(production, "UPDATE billing.deliveries SET state = 'dead', reason = 'RuntimeError: a [bold] bug'")

    table = command(production, "deliveries", "list", "--state", "dead")
    assert "RuntimeError: a [bold] bug" in table, "what is in a row is shown as it is"
    before = in_ledger(production, EVERYTHING)
    dry = run_in(production, "deliveries", "retry", "--state", "dead", "--dry-run")
    assert (dry.returncode, "would complete" in dry.stdout) == (0, True)
    assert dry.stderr == "found: 1 billing dead\ndry run: nothing was changed\n"
    assert in_ledger(production, EVERYTHING) == before

    in_ledger(production, "UPDATE billing.deliveries SET payload = '{}'")
    broken = run_in(production, "deliveries", "retry", "--state", "dead", "--dry-run", "--json")
    (outcome,) = json.loads(broken.stdout)
    assert (broken.returncode, outcome["verdict"]) == (1, "would_fail")
    assert "ValidationError" in outcome["note"]

    skipped = command(production, "deliveries", "skip", "--state", "dead", "--why", "go on without", "--yes")
    assert skipped == "skip: 1 changed\n"
    assert "dead (skipped)" in command(production, "deliveries", "list")
    asked = run_in(production, "deliveries", "retry", "--state", "dead", "--why", "once more")
    assert asked.returncode != 0, "nobody answered the question, so nothing was changed"
    assert "retry 1 of them?" in asked.stderr
    assert copies(production) == ["dead"]


def test_a_paused_subscription_waits_and_goes_on_where_it_stood(production: Production) -> None:
    with production.worker(), production.api() as (_api, client):
        sign_up(client)
        until_copied(production, "completed")
        assert command(production, "deliveries", "pause", COPY, "--why", "a partner is down") == f"{COPY}: paused\n"
        sign_up(client)
        until_copied(production, "completed", "pending")

        listed = run_in(production, "deliveries", "list", "--state", "pending")
        assert "pending (paused)" in listed.stdout
        assert f"paused: {COPY} since" in listed.stderr
        assert "a partner is down" in listed.stderr

        command(production, "deliveries", "resume", COPY, "--why", "it is up")
        until_copied(production, "completed", "completed")


def test_what_a_subscription_never_had_is_replayed_to_it(production: Production) -> None:
    with production.api() as (_api, client):
        with production.worker():
            sign_up(client)
            until_copied(production, "completed")
        in_ledger(
            production, "DELETE FROM billing.deliveries", "UPDATE billing.feed_cursors SET expired_at = now()"
        )
        sign_up(client)

    dry = run_in(production, "events", "replay", COPY, "--dry-run")
    assert "found: 2 it never had, 0 that ended (--again), 0 under way" in dry.stderr
    assert "its feed has expired" in dry.stderr
    assert dry.stdout.count("would complete") == 2
    assert command(production, "events", "replay", COPY, "--why", "we were away") == "replay: 2 changed\n"
    with production.worker(), production.api() as (_api, client):
        sign_up(client)
        until_copied(production, "completed", "completed", "completed")

    again = run_in(production, "events", "replay", COPY, "--again", "--why", "all of it")
    assert "let the effects of 3 events happen again?" in again.stderr
    assert again.returncode != 0
    done = json.loads(
        command(production, "events", "replay", COPY, "--again", "--why", "all of it", "--yes", "--json")
    )
    assert (done["changed"], done["next_after"]) == (3, None)


def test_an_event_that_is_published_by_hand_is_followed_and_takes_effect(production: Production) -> None:
    payload = {**NEWCOMER, "registered_at": "2026-01-15T12:00:00Z"}
    emit = ["events", "emit", "users.user_registered", "--aggregate", NEWCOMER["user_id"], "--why", "lost"]
    unknown = run_in(production, *emit, "--payload", json.dumps(payload))
    assert (unknown.returncode, "give the aggregate's type and version" in unknown.stderr) == (1, True)
    misspelt = run_in(production, *emit, "--payload", json.dumps(payload | {"nmae": "Eve"}))
    assert (misspelt.returncode, "nmae" in misspelt.stderr) == (1, True)
    nobody = run_in(production, "events", "emit", "users.gone", *emit[3:], "--payload", "{}")
    assert (nobody.returncode, "users.user_registered" in nobody.stderr) == (1, True)

    file = production.folder / "payload.json"
    file.write_text(json.dumps(payload))
    known = ["--aggregate-type", "account", "--aggregate-version", "1", "--file", str(file)]
    with production.worker():
        with running(
            "events", "tail", "--json", folder=production.folder, environment=production.environment
        ) as tail:
            tail.wait_for("following; Ctrl-C ends it")
            emitted = json.loads(command(production, *emit, *known, "--json"))
            tail.wait_for(emitted["event_id"])
            tail.send(signal.SIGINT)
            assert tail.wait() == 0
        until_copied(production, "completed")
    (line,) = [line for line in tail.output.splitlines() if line.startswith("{")]
    followed = json.loads(line)
    assert (followed["type"], followed["event_id"]) == ("users.user_registered", emitted["event_id"])
    assert followed["actor"].startswith("cli:")
    assert "payload" not in followed
    (written,) = rows(production, "audit", "--action", "ledger.emit")
    assert (written["context"], written["reason"]) == ("users", "lost")


def test_a_change_that_fails_in_one_context_is_made_in_the_others_and_says_so(production: Production) -> None:
    with production.worker(), production.api() as (_api, client):
        sign_up(client)
        until_copied(production, "completed")
    copy_of_it = "INSERT INTO users.deliveries SELECT * FROM billing.deliveries"
    in_ledger(
        production,
        "DELETE FROM users.deliveries",  # the mail to the newcomer
        copy_of_it,
        "UPDATE users.deliveries SET state = 'dead'",
        "UPDATE billing.deliveries SET state = 'dead'",
        "REVOKE INSERT ON billing.audit_entries FROM hedgerow_billing",
    )

    partly = run_in(production, "deliveries", "retry", "--state", "dead", "--why", "mended", "--yes")

    assert partly.returncode == 4, partly.stderr
    assert partly.stdout == "retry: 1 changed\n"
    assert "error: billing: " in partly.stderr
    assert "permission denied" in partly.stderr
    states = {row["context"]: row["state"] for row in rows(production, "deliveries", "list")}
    assert states == {"users": "pending", "billing": "dead"}


def test_much_is_changed_in_batches_and_its_progress_told(production: Production) -> None:
    in_ledger(
        production,
        """
        INSERT INTO billing.deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,
            version, payload, occurred_at, state)
        SELECT gen_random_uuid(), 'billing.gone', 'users', n, n, 0, 'users.gone', 1, '{}', now(), 'dead'
        FROM generate_series(1, 2500) n
        """,
    )

    done = run_in(production, "deliveries", "discard", "--subscription", "billing.gone", "--why", "gone", "--yes")

    assert done.stdout == "discard: 2500 changed\n"
    assert done.stderr.splitlines() == [
        "found: 2500 billing dead",
        "discard: 1000 of 2500",
        "discard: 2000 of 2500",
        "discard: 2500 of 2500",
    ]
    entries = rows(production, "audit")
    assert [(entry["action"], entry["affected"]) for entry in entries] == [
        ("ledger.discard", 500),
        ("ledger.discard", 1000),
        ("ledger.discard", 1000),
    ]
    assert {entry["details"].get("continues") for entry in entries} == {None, entries[-1]["id"]}


WATERED = (
    "from dataclasses import dataclass\nfrom typing import ClassVar\nfrom hedgerow_core.application import Task\n"
    "from hedgerow_core.messaging import Schedule, TaskHandler\n"
    """
@dataclass(frozen=True, slots=True, kw_only=True)
class Water(Task):
    name: ClassVar[str] = "garden.water"
    bed: int

async def water(task, work):
    pass
"""
    + GARDEN.replace(
        "translations={}))",
        """translations={}), tasks=(TaskHandler(task=Water, handle=water),), schedules=(
        Schedule(name="garden.morning", cron="0 6 * * *", task=lambda _tick: Water(bed=1)),))""",
    )
)
"""A garden that is watered every morning."""


def test_a_schedule_is_listed_rehearsed_and_run_out_of_turn(production: Production) -> None:
    install_garden(production.folder / "site", WATERED)
    garden = production.with_settings(PYTHONPATH=str(production.folder / "site"), HEDGEROW_CONTEXTS="garden")
    command(garden, "migrate")

    (schedule,) = rows(garden, "schedules", "list")
    assert (schedule["name"], schedule["cron"], schedule["next_at"]) == ("garden.morning", "0 6 * * *", None)
    dry = run_in(garden, "schedules", "run", "garden.morning", "--dry-run")
    assert (dry.returncode, "would complete" in dry.stdout) == (0, True)
    assert rows(garden, "tasks", "list") == []

    ran = json.loads(command(garden, "schedules", "run", "garden.morning", "--why", "it is dry", "--json"))
    (task,) = rows(garden, "tasks", "list")
    assert (task["event_id"], task["subscription"], task["state"]) == (ran["task_id"], "garden.water", "pending")
    (entry,) = rows(garden, "audit")
    assert entry["action"] == "ledger.run"
    assert (entry["reason"], entry["details"]["schedule"]) == ("it is dry", "garden.morning")


def test_the_events_of_a_story_are_listed_with_what_became_of_them(production: Production) -> None:
    with production.worker(), production.api() as (_api, client):
        shopper = sign_up(client)
        id = create_invoice(shopper)["id"]
        expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
        expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
        until_paid(shopper, id)

    told = [event["type"] for event in rows(production, "events", "list", "--aggregate", id)]
    assert told == [
        "billing.invoice_paid",
        "billing.payment_requested",
        "billing.invoice_opened",
        "billing.invoice_created",
    ]
    (registered,) = rows(production, "events", "list", "--type", "users.user_registered")
    journey = json.loads(command(production, "events", "show", registered["event_id"]))
    assert [(d["subscription"], d["state"]) for d in journey["deliveries"]] == [
        ("billing.copy_registered_user", "completed")
    ]
    traced = rows(production, "events", "list", "--trace", registered["correlation_id"])
    assert [event["event_id"] for event in traced] == [registered["event_id"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("deliveries", "retry", "--why", "x", "--yes"), 2, "say which"),
        (("deliveries", "retry", "--state", "dead"), 2, "--why"),
        (("deliveries", "list", "--state", "lost"), 2, "retry_wait"),
        (("deliveries", "list", "--context", "garden"), 2, "garden is not hosted here"),
        (("deliveries", "show", "00000000-0000-7000-8000-000000000000"), 1, "there is no delivery"),
        (("events", "show", "00000000-0000-7000-8000-000000000000"), 1, "there is no event"),
        (("deliveries", "discard", "--state", "dead", "--why", "x"), 1, "found: none"),
        (("deliveries", "discard", "--state", "completed", "--why", " ", "--yes"), 2, "say why"),
        (("deliveries", "pause", "billing.copy", "--why", "x"), 1, "billing.copy"),
        (("tasks", "show", "00000000-0000-7000-8000-000000000000"), 1, "there is no task"),
        (("tasks", "cancel", "--why", "x", "--yes"), 2, "say which"),
        (("events", "replay", "billing.copy", "--why", "x"), 1, "billing.copy_registered_user"),
        (("schedules", "run", "billing.nightly", "--why", "x"), 1, "no context here has"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    shared_production: Production, client: httpx.Client, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert client.get("/livez").status_code == httpx.codes.OK

    refused = run(*arguments, folder=shared_production.folder, environment=shared_production.environment)

    assert refused.returncode == code, refused.stderr
    assert said.lower() in refused.stderr.lower()
    assert "Traceback" not in refused.stderr
