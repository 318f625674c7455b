"""Programs without an account, as an operator makes and ends them; and keys that leaked."""

from __future__ import annotations

import json
import subprocess
import time
from uuid import uuid4

import httpx
import pytest

from tests.authorization.policy import POLICIES, Operation, operations_of
from tests.conftest import Production, with_role
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.story import Shopper, expect, sign_up

FINE, CHECK_FAILED, MISCONFIGURED = 0, 1, 2
REFUSED = {"scope_missing", "login_required"}
WITHIN_S = 1.0


def users(production: Production, *words: str) -> subprocess.CompletedProcess[str]:
    return run("users", *words, folder=production.folder, environment=production.environment)


def new_service(production: Production, *scopes: str) -> tuple[str, str]:
    """Its name and its key."""
    name = f"host-{uuid4().hex[:8]}"
    wanted = [word for scope in scopes for word in ("--scope", scope)]
    created = users(production, "services", "create", name, *wanted)
    assert created.returncode == FINE, created.stderr
    key = created.stdout.strip()
    assert "service_created" in created.stderr
    assert key[12:] not in created.stderr, "the log names the key and keeps it"
    return name, key


def bearing(client: httpx.Client, key: str) -> Shopper:
    return Shopper(client, "", "", {"access_token": key})


def until_refused(program: Shopper, path: str) -> httpx.Response:
    started = time.monotonic()
    while (answer := program.get(path)).status_code == httpx.codes.OK:
        assert time.monotonic() - started < WITHIN_S, "still believed"
        time.sleep(0.01)
    return answer


@pytest.fixture(scope="module")
def reader(shared_production: Production) -> tuple[str, str]:
    return new_service(shared_production, "users:account:read")


def test_a_service_does_what_its_one_scope_names_and_nothing_else(
    client: httpx.Client, reader: tuple[str, str]
) -> None:
    program, account = bearing(client, reader[1]), expect(sign_up(client).get("/v1/users/me"), 200)
    assert expect(program.get(f"/v1/users/accounts/{account['id']}"), 200)["email"] == account["email"]

    believed = []
    for operation in operations_of(expect(client.get("/openapi.json"), 200)).values():
        body = None if operation.method == "GET" else {}
        answer = program.request(operation.method, operation.path_to(account["id"]), json=body)
        if answer.is_success or answer.json()["code"] not in REFUSED:
            believed.append(operation.id)
    assert [name for name in believed if POLICIES[name].lowest != "anonymous"] == ["users_get_account"]
    assert Operation("x", "GET", "/{a}").path_to("1") == "/1", "the twin of the search: a path is filled in"


def test_a_service_is_nobody_where_an_account_is_meant(client: httpx.Client, shared_production: Production) -> None:
    _name, key = new_service(shared_production, "users:read", "users:account:deactivate")
    program, account = bearing(client, key), expect(sign_up(client).get("/v1/users/me"), 200)

    problem(program.get("/v1/users/me"), 401, "invalid_token")
    problem(program.post(f"/v1/users/accounts/{account['id']}/deactivate"), 401, "invalid_token")


def test_services_are_listed_without_their_keys_and_end_by_name(
    client: httpx.Client, shared_production: Production
) -> None:
    name, key = new_service(shared_production, "host:ledger:read")
    expect(bearing(client, key).get("/v1/_host/events"), 200)

    listed = users(shared_production, "services", "list", "--json")
    row = next(row for row in json.loads(listed.stdout) if row["service"] == name)
    assert (row["key"], row["scopes"]) == (key[:12], ["host:ledger:read"])
    assert set(row) == {"service", "created_at", "key", "scopes", "expires_at", "last_used_at"}
    assert key not in listed.stdout

    revoked = users(shared_production, "services", "revoke", name)
    assert revoked.returncode == FINE, revoked.stderr
    assert "service_revoked" in revoked.stderr
    problem(until_refused(bearing(client, key), "/v1/_host/events"), 401, "invalid_key")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("create", "x"), MISCONFIGURED, "--scope"),
        (("create", "Not A Name", "--scope", "users:read"), CHECK_FAILED, "small letters"),
        (("create", "x", "--scope", "users:burn"), CHECK_FAILED, "users:burn"),
        (("create", "x", "--scope", "users:read", "--expires-days", "367"), MISCONFIGURED, "366"),
        (("revoke",), MISCONFIGURED, "--key"),
        (("revoke", "x", "--key", "hgk_12345678"), MISCONFIGURED, "--key"),
        (("revoke", "--key", "hgk_1"), CHECK_FAILED, "no such live key"),
    ],
)
def test_what_can_not_be_done_says_why(
    shared_production: Production, words: tuple[str, ...], code: int, says: str
) -> None:
    refused = users(shared_production, "services", *words)

    assert (refused.returncode, refused.stdout) == (code, "")
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_key_that_leaked_is_ended_by_how_it_begins_whoever_owns_it(
    client: httpx.Client, shared_production: Production
) -> None:
    owner = with_role(shared_production, client, "super_admin")
    body = {"name": "Leaky", "scopes": ["users:read"]}
    key = expect(owner.post("/v1/users/me/keys", json=body), 201)["key"]
    program = bearing(client, key)
    expect(program.get("/v1/users/me"), 200)

    revoked = users(shared_production, "api-keys", "revoke", key)  # all of it, as somebody has found it
    assert revoked.returncode == FINE, revoked.stderr
    assert "api_key_revoked" in revoked.stderr
    assert "cli:" in revoked.stderr
    assert key[:12] in revoked.stderr
    assert key[12:] not in revoked.stderr
    problem(until_refused(program, "/v1/users/me"), 401, "invalid_key")
