"""`hedgerow users …` in a bad night, as an operator meets it: what takes effect, and what is refused."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace

import httpx
import pytest

from tests.conftest import Production
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.story import Shopper, expect, sign_up

FINE, CHECK_FAILED, MISUSED = 0, 1, 2
NOBODY = "nobody-at-all@example.com"
WITHIN_S = 1.0
POLL_S = 0.02


def users(production: Production, *words: str) -> subprocess.CompletedProcess[str]:
    return run("users", *words, folder=production.folder, environment=production.environment)


def until_refused(shopper: Shopper) -> None:
    """The access token is refused within a second after the command has returned."""
    started = time.monotonic()
    while (answer := shopper.get("/v1/users/me")).status_code == httpx.codes.OK:
        assert time.monotonic() - started < WITHIN_S, "still believed"
        time.sleep(POLL_S)
    # Whichever is read first: the list of what is revoked, or the account itself.
    assert answer.status_code == httpx.codes.UNAUTHORIZED, answer.text
    assert answer.json()["type"].rpartition(":")[2] in ("token_revoked", "invalid_token"), answer.text


def test_roles_are_shown_and_set_and_the_sessions_of_before_end(
    shared_production: Production, client: httpx.Client
) -> None:
    shopper = sign_up(client)
    done = users(shared_production, "roles", "set", shopper.email.upper(), "admin", "user")
    assert (done.returncode, done.stdout) == (FINE, f"{shopper.email}  admin user\n")
    until_refused(shopper)
    assert "roles_set" in done.stderr
    assert '"by":"cli:' in done.stderr
    assert shopper.email not in done.stderr
    shown = users(shared_production, "roles", "show", shopper.email, "--json")
    assert json.loads(shown.stdout) == {"email": shopper.email, "roles": ["admin", "user"], "status": "active"}
    tokens = expect(
        client.post("/v1/users/login", json={"email": shopper.email, "password": shopper.password}), 200
    )
    expect(replace(shopper, tokens=tokens).get("/v1/users/accounts"), 200)


def test_an_account_is_closed_and_opened_again(shared_production: Production, client: httpx.Client) -> None:
    shopper = sign_up(client)
    login = {"email": shopper.email, "password": shopper.password}
    assert users(shared_production, "deactivate", shopper.email).returncode == FINE
    until_refused(shopper)
    problem(client.post("/v1/users/login", json=login), 403, "users.account_deactivated")
    again = users(shared_production, "deactivate", shopper.email)
    assert (again.returncode, "deactivated already" in again.stderr) == (CHECK_FAILED, True)
    assert users(shared_production, "reactivate", shopper.email).returncode == FINE
    expect(client.post("/v1/users/login", json=login), 200)


@pytest.mark.parametrize(
    "words",
    [
        ("login-link", NOBODY),
        ("roles", "show", NOBODY),
        ("roles", "set", NOBODY, "user"),
        ("deactivate", "no address"),
        ("sessions", "list", NOBODY),
        ("sessions", "end", NOBODY),
        ("second-factor", "reset", NOBODY),
    ],
    ids=" ".join,
)
def test_an_unknown_address_is_refused_by_name(shared_production: Production, words: tuple[str, ...]) -> None:
    refused = users(shared_production, *words)
    assert (refused.returncode, refused.stdout) == (MISUSED, "")
    assert "nobody has the address" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("login-link", NOBODY, "--minutes", "61"), "--minutes"),
        (("roles", "set", NOBODY, "gardener"), "gardener"),
        (("sessions", "end"), "--all"),
        (("sessions", "end", NOBODY, "--all", "--yes"), "--all"),
        (("sessions", "end", "--all"), "--yes"),
        (("keys", "revoke", "made-up"), "made-up"),
    ],
    ids=["too long", "no role", "nobody", "somebody and all", "unasked", "no key"],
)
def test_what_makes_no_sense_changes_nothing(
    shared_production: Production, client: httpx.Client, words: tuple[str, ...], said: str
) -> None:
    shopper = sign_up(client)
    refused = users(shared_production, *words)
    assert (refused.returncode, refused.stdout) == (MISUSED, "")
    assert said in refused.stderr
    expect(shopper.get("/v1/users/me"), 200)
