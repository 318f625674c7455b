"""The ledger over HTTP: what an operator sees and changes under /v1/_host, and that nobody else does."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.manifests import NAME
from tests.conftest import Production, migrated_production, with_role
from tests.story import Shopper, expect, sign_up

COPY = "billing.copy_registered_user"
NOBODY = "00000000-0000-7000-8000-000000000000"
READS = ("/events", "/events/new", "/deliveries", "/tasks", "/schedules", "/paused", "/audit")
CHANGES = (
    "/events",
    "/deliveries/retry",
    "/deliveries/skip",
    "/deliveries/discard",
    "/tasks/retry",
    "/tasks/cancel",
    "/schedules/billing.nightly/run",
    f"/subscriptions/{COPY}/pause",
    f"/subscriptions/{COPY}/resume",
    f"/subscriptions/{COPY}/replay",
)


def cursor_at(subscription: object) -> str:
    """A place in the list of deliveries that nobody gave out."""
    places = {"billing": ["2026-01-01T00:00:00Z", NOBODY, subscription]}
    return base64.urlsafe_b64encode(json.dumps(places).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def production(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    with migrated_production(postgres_server, redis_url, tmp_path_factory.mktemp("admin")) as production:
        yield production


@pytest.fixture(scope="module")
def api(production: Production) -> Iterator[httpx.Client]:
    with production.worker(), production.api() as (_api, client):
        yield client


@pytest.fixture(scope="module")
def operator(production: Production, api: httpx.Client) -> Operator:
    super_admin = with_role(production, api, "super_admin")
    return Operator(super_admin, expect(super_admin.get("/v1/users/me"), 200)["id"])


class Operator:
    """Somebody who may steer the ledger."""

    def __init__(self, shopper: Shopper, id: str) -> None:
        self.shopper = shopper
        self.id = id

    def get(self, path: str, **parameters: Any) -> Any:
        return expect(self.shopper.get(f"/v1/_host{path}", params=parameters), 200)

    def refused(self, path: str, **parameters: Any) -> dict[str, Any]:
        return expect(self.shopper.get(f"/v1/_host{path}", params=parameters), 422)

    def post(self, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
        return expect(self.shopper.post(f"/v1/_host{path}", json=body), status)


def in_ledger(production: Production, statement: str) -> list[dict[str, Any]]:
    """Run a statement in the database as its owner."""

    async def execute() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
        found = await connection.fetch(statement)
        await connection.close()
        return [dict(row) for row in found]

    return asyncio.run(execute())


def dead(production: Production, number: int = 1, *, error: str = "made up") -> str:
    """Dead deliveries of a subscription of their own; returns its name."""
    name = f"billing.gone_{uuid4().hex[:8]}"
    in_ledger(
        production,
        f"""
        INSERT INTO billing.deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,
            version, payload, occurred_at, state, reason)
        SELECT gen_random_uuid(), '{name}', 'users', n, n, 0, 'users.gone',
            1, '{{"email": "eve@example.com"}}', now(), 'dead', '{error}'
        FROM generate_series(1, {number}) n
        """,
    )
    return name


def registered(api: httpx.Client, operator: Operator) -> dict[str, Any]:
    """The event of somebody new, once billing has its copy."""
    account = expect(sign_up(api).get("/v1/users/me"), 200)["id"]
    (event,) = operator.get("/events", aggregate_id=account)["items"]
    until_state(operator, event["event_id"], "completed")
    return dict(event)


def until_state(operator: Operator, event_id: str, state: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = operator.get("/deliveries", ids=event_id)["items"]
        if [each["state"] for each in found] == [state]:
            return
        time.sleep(0.1)
    raise AssertionError(f"{event_id} is not {state}: {found}")


# Who may


@pytest.mark.parametrize(("method", "path"), [*(("GET", p) for p in READS), *(("POST", p) for p in CHANGES)])
def test_nobody_but_a_super_admin_may_look_or_change(
    api: httpx.Client, shopper_here: Shopper, method: str, path: str
) -> None:
    url = f"/v1/_host{path}"

    assert api.request(method, url).status_code == 401
    refused = api.request(method, url, headers={"Authorization": f"Bearer {shopper_here.tokens['access_token']}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    permission = "host:ledger:read" if method == "GET" else "host:ledger:steer"
    expected = "host:audit:read" if path == "/audit" else permission
    assert refused.json()["details"] == {"permission": expected}


@pytest.fixture(scope="module")
def shopper_here(api: httpx.Client) -> Shopper:
    return sign_up(api)


def test_the_routes_above_are_all_that_there_are(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()["paths"]
    found = {
        (method.upper(), path.removeprefix("/v1/_host"))
        for path, operations in document.items()
        for method in operations
        if path.startswith("/v1/_host/") and "_id}" not in path
    }
    named = {path.replace(COPY, "{name}").replace("billing.nightly", "{name}") for path in CHANGES}

    assert found == {("GET", path) for path in READS} | {("POST", path) for path in named}
    for path, operations in document.items():
        for operation in operations.values():
            if path.startswith("/v1/_host/"):
                assert operation["tags"] == ["host"]
                assert operation["operationId"].startswith("host_")
                assert operation["security"] == [{"bearer": []}]


@pytest.mark.parametrize("name", ["_host", "_", "1st"])
def test_no_context_can_take_the_hosts_place(name: str) -> None:
    assert NAME.fullmatch(name) is None
    assert NAME.fullmatch("host_of_ours")


# Looking


def test_an_event_is_found_and_its_journey_shown_with_payloads(api: httpx.Client, operator: Operator) -> None:
    event = registered(api, operator)

    assert "payload" not in event
    journey = operator.get(f"/events/{event['event_id']}")
    assert journey["payload"]["user_id"] == event["aggregate_id"]
    (delivery,) = journey["deliveries"]
    assert (delivery["context"], delivery["subscription"], delivery["state"]) == ("billing", COPY, "completed")
    (listed,) = operator.get("/deliveries", ids=event["event_id"])["items"]
    assert {*delivery} - {*listed} == {"payload", "errors"}
    (shown,) = operator.get(f"/deliveries/{event['event_id']}")
    assert shown == delivery


@pytest.mark.parametrize("path", ["/events", "/deliveries", "/tasks"])
def test_what_is_not_there_is_not_found(operator: Operator, path: str) -> None:
    refused = operator.shopper.get(f"/v1/_host{path}/{NOBODY}")

    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_pages_hold_everything_once_the_newest_first_while_more_arrives(
    production: Production, operator: Operator
) -> None:
    name = dead(production, 7)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = operator.get("/deliveries", error="made up", states="dead", limit=3, **cursor)
        seen += [item["event_id"] for item in page["items"] if item["subscription"] == name]
        assert len(page["items"]) <= 3
        if page["next"] is None:
            break
        dead(production)
        cursor = {"cursor": page["next"]}

    kept = in_ledger(
        production,
        f"SELECT event_id FROM billing.deliveries WHERE subscription = '{name}' "
        "ORDER BY received_at DESC, event_id DESC",
    )
    assert seen == [str(row["event_id"]) for row in kept]


def test_pages_of_events_cross_the_contexts(api: httpx.Client, operator: Operator) -> None:
    for _ in range(3):
        registered(api, operator)
    first = operator.get("/events", limit=2)
    second = operator.get("/events", limit=2, cursor=first["next"])

    times = [item["occurred_at"] for item in (*first["items"], *second["items"])]
    assert times == sorted(times, reverse=True)
    assert len({item["event_id"] for item in (*first["items"], *second["items"])}) == 4


@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        ("/events", {"cursor": "nonsense"}, "cursor"),
        ("/events", {"cursor": "W10"}, "cursor"),
        ("/events", {"cursor": "eyJ1c2VycyI6Ik5hTiJ9"}, "cursor"),
        ("/deliveries", {"cursor": "eyJiaWxsaW5nIjoxfQ"}, "cursor"),
        *(("/deliveries", {"cursor": cursor_at(name)}, "cursor") for name in ("\x00", "\ud800", None, [])),
        *((path, {"cursor": "W1tb" * 1300}, "cursor") for path in ("/events", "/deliveries", "/audit")),
        ("/events/new", {"after": "W1tb" * 1300}, "after"),
        ("/events/new", {"after": "eyJ1c2VycyI6WzEsIjE6MToiLG51bGwsIngiXX0"}, "after"),
        ("/events/new", {"after": "eyJ1c2VycyI6WzEsIngiLG51bGwsMF19"}, "after"),
        ("/events/new", {"wait_s": "60"}, "wait_s"),
        ("/events", {"limit": "101"}, "limit"),
        ("/events", {"context": "garden"}, "context"),
        ("/deliveries", {"states": "lost"}, "states.0"),
        ("/deliveries", {"state": "dead"}, "state"),
        ("/deliveries", {"ids": "x"}, "ids.0"),
        ("/deliveries", {"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ("/deliveries", {"error": "\x00"}, "error"),
    ],
)
def test_what_a_list_does_not_understand_is_refused_and_named(
    operator: Operator, path: str, parameters: dict[str, str], field: str
) -> None:
    problem = operator.refused(path, **parameters)

    assert [error["field"] for error in problem["errors"]] == [field]


def test_whoever_follows_sees_what_becomes_visible(api: httpx.Client, operator: Operator) -> None:
    begin = operator.get("/events/new")
    assert begin["items"] == []
    event = registered(api, operator)

    came = operator.get("/events/new", after=begin["next"], wait_s=5, context="users")
    rest = operator.get("/events/new", after=came["next"])

    assert [each["event_id"] for each in came["items"]] == [event["event_id"]]
    assert rest["items"] == []


# Changing


def test_a_decision_is_made_and_written_down_under_its_callers_name(
    production: Production, operator: Operator
) -> None:
    name = dead(production, 2)
    tried = operator.post("/deliveries/retry", subscription=name, why="look", dry_run=True)
    assert tried["found"] == {"billing": {"dead": 2}}
    assert (tried["changed"], tried["remaining"]) == (0, 2)
    assert {each["note"] for each in tried["rehearsed"]} == {"no handler of this name is installed"}

    skipped = operator.post("/deliveries/skip", subscription=name, why="go on")
    discarded = operator.post("/deliveries/discard", subscription=name, why="gone for good")
    again = operator.post("/deliveries/discard", subscription=name, why="gone for good")

    assert (skipped["changed"], discarded["changed"], again["changed"]) == (2, 2, 0)
    latest = operator.get("/audit", context="billing", limit=2)["items"]
    assert [(each["action"], each["actor"], each["reason"], each["affected"]) for each in latest] == [
        ("ledger.discard", operator.id, "gone for good", 2),
        ("ledger.skip", operator.id, "go on", 2),
    ]
    assert latest[0]["details"] == {"subscription": name}
    (skip,) = operator.get("/audit", limit=1, action="ledger.skip")["items"]
    assert skip["action"] == "ledger.skip"


def test_a_dry_run_over_http_leaves_every_row_as_it_is(
    production: Production, api: httpx.Client, operator: Operator
) -> None:
    id = registered(api, operator)["event_id"]
    in_ledger(production, f"UPDATE billing.deliveries SET state = 'dead' WHERE event_id = '{id}'")
    row = f"SELECT to_jsonb(d)::text AS row FROM billing.deliveries d WHERE event_id = '{id}'"
    before = in_ledger(production, row)

    tried = operator.post("/deliveries/retry", ids=[id], why="look", dry_run=True)

    assert [each["verdict"] for each in tried["rehearsed"]] == ["would_complete"]
    assert in_ledger(production, row) == before
    assert operator.post("/deliveries/retry", ids=[id], why="do it")["changed"] == 1
    until_state(operator, id, "completed")


def test_one_call_changes_a_thousand_rows_at_most_and_says_how_many_remain(
    production: Production, operator: Operator
) -> None:
    name = dead(production, 1200)

    first = operator.post("/deliveries/discard", subscription=name, why="too many")
    second = operator.post("/deliveries/discard", subscription=name, why="too many")

    assert (first["changed"], first["remaining"]) == (1000, 200)
    assert (second["changed"], second["remaining"]) == (200, 0)


def test_only_tasks_are_reached_by_the_routes_of_tasks(production: Production, operator: Operator) -> None:
    name = dead(production)

    assert operator.post("/tasks/cancel", subscription=name, why="x")["found"] == {}
    in_ledger(
        production,
        f"UPDATE billing.deliveries SET publisher = 'billing', type = '{name}' WHERE subscription = '{name}'",
    )
    assert operator.post("/tasks/cancel", subscription=name, why="x")["changed"] == 1
    (task,) = operator.get("/tasks", subscription=name)["items"]
    assert task["reason"] == f"canceled by {operator.id}: x"
    assert operator.get(f"/tasks/{task['event_id']}")["payload"] == {"email": "eve@example.com"}


@pytest.mark.parametrize("path", [path for path in CHANGES if path.startswith(("/deliveries", "/tasks"))])
def test_nothing_is_changed_without_saying_what_and_why(operator: Operator, path: str) -> None:
    for body, field in (({"why": "x"}, "ids"), ({"why": " ", "states": ["dead"]}, "why"), ({"ids": []}, "why")):
        problem = operator.post(path, 422, **body)
        assert [error["field"] for error in problem["errors"]] == [field]


def test_a_subscription_is_paused_and_resumed(api: httpx.Client, operator: Operator) -> None:
    paused = operator.post(f"/subscriptions/{COPY}/pause", why="a partner is down")
    try:
        twice = operator.post(f"/subscriptions/{COPY}/pause", why="a partner is down")
        assert (paused["changed"], twice["changed"]) == (True, False)
        account = expect(sign_up(api).get("/v1/users/me"), 200)["id"]
        (event,) = operator.get("/events", aggregate_id=account)["items"]
        until_state(operator, event["event_id"], "pending")
        (standing,) = operator.get("/paused")
        assert (standing["subscription"], standing["actor"]) == (COPY, operator.id)
        assert operator.get("/deliveries", ids=event["event_id"])["items"][0]["paused"] is True
    finally:
        operator.post(f"/subscriptions/{COPY}/resume", why="it is up")
    until_state(operator, event["event_id"], "completed")
    assert operator.post("/subscriptions/billing.nobody/pause", 404, why="x")["code"] == "not_found"


def test_a_replay_fills_what_a_subscription_never_had(
    production: Production, api: httpx.Client, operator: Operator
) -> None:
    id = registered(api, operator)["event_id"]
    in_ledger(production, f"DELETE FROM billing.deliveries WHERE event_id = '{id}'")

    tried = operator.post(f"/subscriptions/{COPY}/replay", why="look", dry_run=True, ids=[id])
    done = operator.post(f"/subscriptions/{COPY}/replay", why="it is missing", ids=[id])

    assert (tried["missing"], tried["changed"]) == (1, 0)
    assert [each["verdict"] for each in tried["rehearsed"]] == ["would_complete"]
    assert (done["changed"], done["remaining"], done["next_after"]) == (1, 0, None)
    until_state(operator, id, "completed")
    assert operator.post("/subscriptions/billing.nobody/replay", 404, why="x")["code"] == "not_found"


def test_an_event_is_published_by_hand(operator: Operator) -> None:
    account = str(uuid4())
    payload = {
        "user_id": account,
        "email": "eve@example.com",
        "name": "Eve",
        "registered_at": "2026-01-15T12:00:00Z",
    }
    event = {"type": "users.user_registered", "payload": payload, "aggregate_id": account, "why": "it was lost"}
    assert operator.post("/events", 422, **event)["errors"][0]["field"] == "aggregate_id"
    assert operator.post("/events", 422, **event | {"payload": {}})["errors"][0]["field"] == "payload"
    assert operator.post("/events", 404, **event | {"type": "users.gone"})["code"] == "not_found"

    emitted = operator.post("/events", 201, **event, aggregate_type="account", aggregate_version=1)

    until_state(operator, emitted["event_id"], "completed")
    shown = operator.get(f"/events/{emitted['event_id']}")
    assert (shown["actor"], UUID(shown["aggregate_id"])) == (operator.id, UUID(account))


def test_a_schedule_that_nobody_declares_is_not_found(operator: Operator) -> None:
    assert {schedule["name"] for schedule in operator.get("/schedules")} == {
        "users.prune_sessions",
        "billing.mark_overdue",
        "billing.collect_payments",
    }
    assert operator.post("/schedules/billing.nightly/run", 404, why="x")["code"] == "not_found"
