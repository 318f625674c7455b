"""`hedgerow users …` as an operator meets it: the first admin, and the keys that sign."""

from __future__ import annotations

import json
import subprocess
import time
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from tests.conftest import Production
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.story import Shopper, expect, sign_up

FINE, CHECK_FAILED, MISCONFIGURED = 0, 1, 2
PASSWORD = "correct horse battery staple"


def create_admin(production: Production, email: str, password: str) -> subprocess.CompletedProcess[str]:
    return run(
        *("users", "create-admin", email, "--name", "Root", "--password-stdin"),
        folder=production.folder,
        environment=production.environment,
        typed=f"{password}\n",
    )


def test_the_first_admin_is_created_beside_the_database_and_may_do_what_admins_may(
    shared_production: Production, client: httpx.Client
) -> None:
    email = f"root-{uuid4().hex[:8]}@example.com"
    created = create_admin(shared_production, email, PASSWORD)

    assert created.returncode == FINE, created.stderr
    id = UUID(created.stdout.strip())
    assert "admin_created" in created.stderr
    assert str(id) in created.stderr
    assert PASSWORD not in created.stdout + created.stderr
    assert email not in created.stderr
    tokens = expect(client.post("/v1/users/login", json={"email": email, "password": PASSWORD}), 200)
    admin = Shopper(client, email, PASSWORD, tokens)
    assert admin.get("/v1/users/me").json()["roles"] == ["super_admin"]
    expect(admin.get("/v1/_host/events"), 200)
    problem(sign_up(client).get("/v1/_host/events"), 403, "not_permitted")


def test_an_address_that_is_taken_is_refused_with_the_way_to_promote(
    shared_production: Production, client: httpx.Client
) -> None:
    shopper = sign_up(client)
    refused = create_admin(shared_production, shopper.email.upper(), PASSWORD)

    assert (refused.returncode, refused.stdout) == (CHECK_FAILED, "")
    assert "exists already" in refused.stderr
    assert "/roles" in refused.stderr
    assert shopper.get("/v1/users/me").json()["roles"] == ["user"]


@pytest.mark.parametrize(("email", "password"), [("root", PASSWORD), ("root@example.com", "short")])
def test_what_is_not_acceptable_creates_no_admin(shared_production: Production, email: str, password: str) -> None:
    refused = create_admin(shared_production, email, password)

    assert (refused.returncode, refused.stdout) == (CHECK_FAILED, "")
    assert "Traceback" not in refused.stderr


def test_without_a_terminal_and_without_stdin_it_says_how(shared_production: Production) -> None:
    refused = run(
        *("users", "create-admin", "root@example.com"),
        folder=shared_production.folder,
        environment=shared_production.environment,
    )

    assert refused.returncode == MISCONFIGURED
    assert "--password-stdin" in refused.stderr


def test_a_rotation_reaches_every_api_within_seconds_and_no_token_is_refused_meanwhile(
    shared_production: Production, client: httpx.Client
) -> None:
    def kid_of(shopper: Shopper) -> str:
        return str(jwt.get_unverified_header(shopper.tokens["access_token"])["kid"])

    def keys(verb: str) -> list[dict[str, str]]:
        done = run(
            *("users", "keys", verb, "--json"),
            folder=shared_production.folder,
            environment=shared_production.environment,
        )
        assert done.returncode == FINE, done.stderr
        rows: list[dict[str, str]] = json.loads(done.stdout)
        return rows

    before = sign_up(client)
    with shared_production.api() as (_process, node):
        new = keys("rotate")[-1]["kid"]
        started = time.monotonic()
        while kid_of(latest := sign_up(client)) != new:
            for at in (client, node):
                for shopper in (before, latest):
                    expect(Shopper(at, "", "", shopper.tokens).get("/v1/users/me"), 200)
            assert time.monotonic() - started < 15, "the new key does not sign"
            time.sleep(0.2)
        took = time.monotonic() - started
        expect(Shopper(node, "", "", latest.tokens).get("/v1/users/me"), 200)
    print(f"the new key signs {took:.1f} s after the command")

    expect(before.get("/v1/users/me"), 200)
    published = [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]
    assert {kid_of(before), new} <= set(published)
    states = {row["kid"]: row["state"] for row in keys("list")}
    assert (states[kid_of(before)], states[new]) == ("retired", "signing")


def test_a_host_with_another_secret_says_so_and_does_not_start(shared_production: Production) -> None:
    settings = {"USERS_SECRET": "another one than the keys are sealed with"}
    refused = run(
        *("api", "--port", "0"),
        folder=shared_production.folder,
        environment={**shared_production.environment, **settings},
    )

    assert refused.returncode == CHECK_FAILED
    assert "lifespan_failed" in refused.stderr
    assert "USERS_SECRET_PREVIOUS" in refused.stderr
