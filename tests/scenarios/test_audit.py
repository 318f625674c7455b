"""The audit trail of a whole host: who did what to whom, from where, over HTTP and on the command line."""

from __future__ import annotations

import getpass
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Production, with_role
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.story import Shopper, expect, sign_up


@pytest.fixture(scope="module")
def boss(shared_production: Production, client: httpx.Client) -> Shopper:
    return with_role(shared_production, client, "super_admin")


def id_of(shopper: Shopper) -> str:
    return str(expect(shopper.get("/v1/users/me"), 200)["id"])


def trail(boss: Shopper, **wanted: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = expect(boss.get("/v1/_host/audit", params=wanted), 200)["items"]
    return items


def test_an_administrators_deed_is_found_by_actor_and_by_subject(
    boss: Shopper, shopper: Shopper, client: httpx.Client
) -> None:
    account, actor = id_of(shopper), id_of(boss)
    headers = {"X-Request-ID": f"deed-{uuid4().hex}", "User-Agent": "a console\u00a0of ours".encode("latin-1")}
    deactivated = client.post(
        f"/v1/users/accounts/{account}/deactivate",
        headers={**headers, "Authorization": f"Bearer {boss.tokens['access_token']}"},
    )
    expect(deactivated, 200)

    (deed,) = trail(boss, subject=account, action="users.account_deactivated")
    assert deed in trail(boss, actor=actor, result="done")
    assert (deed["context"], deed["actor"], deed["subject_kind"]) == ("users", actor, "account")
    assert (deed["address"], deed["request_id"]) == ("127.0.0.1", headers["X-Request-ID"])
    assert deed["user_agent"] == "a consoleof ours"  # what a terminal can't show is left out
    assert len(deed["trace_id"]) == 32


def test_what_was_refused_stands_there_with_its_reason(boss: Shopper, shopper: Shopper) -> None:
    account = id_of(shopper)
    wrong = {"email": shopper.email, "password": "not the password"}
    expect(shopper.client.post("/v1/users/login", json=wrong), 401)

    (refused,) = trail(boss, subject=account, result="users.invalid_credentials")
    assert (refused["action"], refused["actor"]) == ("users.logged_in", None)
    logins = trail(boss, subject=account, action="users.logged_in")
    assert [login["result"] for login in logins] == ["users.invalid_credentials", "done"]


def test_a_page_of_the_trail_leads_to_the_next(boss: Shopper) -> None:
    for _ in range(2):
        sign_up(boss.client)
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    for _ in range(3):
        page = expect(boss.get("/v1/_host/audit", params={"context": "users", "limit": 1, **cursor}), 200)
        seen += [line["id"] for line in page["items"]]
        cursor = {"cursor": page["next"]}
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 3


def test_an_admin_does_not_read_the_trail(shared_production: Production, client: httpx.Client) -> None:
    admin = with_role(shared_production, client, "admin")
    problem(admin.get("/v1/_host/audit"), 403, "not_permitted")


@pytest.mark.parametrize("wanted", [{"since": "yesterday"}, {"actor": "a\x00"}, {"who": "ann"}, {"cursor": "x"}])
def test_a_question_that_makes_no_sense_is_a_422(boss: Shopper, wanted: dict[str, str]) -> None:
    assert boss.get("/v1/_host/audit", params=wanted).status_code == 422


def test_the_command_line_reads_the_trail_and_stands_in_it_itself(shared_production: Production) -> None:
    def ask(*arguments: str) -> str:
        done = run(*arguments, folder=shared_production.folder, environment=shared_production.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    rotated = json.loads(ask("users", "keys", "rotate", "--json"))[-1]["kid"]

    (line,) = json.loads(ask("audit", "--subject", rotated, "--json"))
    assert (line["action"], line["actor"]) == ("users.signing_keys_rotated", f"cli:{getpass.getuser()}")
    assert rotated in ask("audit", "--action", "users.signing_keys_rotated", "--since", "2020-01-01")
    assert "Nothing was written down." in ask("audit", "--until", "2020-01-01")
