"""`hedgerow get` and `hedgerow shell` as an operator uses them beside a running host."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.conftest import Production
from tests.processes import run
from tests.story import Shopper, expect

FINE, CHECK_FAILED, MISCONFIGURED = 0, 1, 2
WITHIN_S = 1.0
POLL_S = 0.02

CLOSE = """
from uuid import UUID
from hedgerow_users.domain.authority import Operator

somebody = UUID("{id}")
await run(DeactivateAccount(actor_id=Operator("cli:test"), account_id=somebody))
print((await run(LookUpAccount(account_id=somebody))).status)
"""


def test_somebody_is_answered_as_over_http_and_the_trail_tells_who_asked(
    shared_production: Production, shopper: Shopper
) -> None:
    folder, environment = shared_production.folder, shared_production.environment
    path = "/v1/users/me?secret=1"

    got = run("get", path, "--as", shopper.email.upper(), folder=folder, environment=environment)

    me = expect(shopper.get("/v1/users/me"), 200)
    assert (json.loads(got.stdout), got.returncode) == (me, FINE), got.stderr
    wanted = ("audit", "--action", "users.impersonated", "--subject", me["id"], "--json")
    (line,) = json.loads(run(*wanted, folder=folder, environment=environment).stdout)
    assert line["actor"].startswith("cli:")
    assert line["details"] == {"why": "GET /v1/users/me"}, "what is asked for may be personal"


def test_status_and_headers_can_be_seen_and_an_error_fails_the_command(shared_production: Production) -> None:
    folder, environment = shared_production.folder, shared_production.environment

    got = run("get", "/v1/users/me", "-i", folder=folder, environment=environment)

    assert got.returncode == CHECK_FAILED
    assert got.stdout.startswith("401 Unauthorized\n")
    assert "\ncontent-type: application/problem+json\n" in got.stdout


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (("/v1/users/me", "--as", "nobody-at-all@example.com"), {}, "nobody has the address"),
        (("/v1/users/me", "--as", "a@example.com"), {"HEDGEROW_ENV": "prod"}, "say --yes"),
        (("/v1", "--as", "a@example.com"), {"HEDGEROW_CONTEXTS": "billing"}, "can speak for somebody"),
        (("https://example.com/", "--as", "a@example.com"), {}, "begins with one /"),
    ],
)
def test_nobody_is_asked_for_who_is_not_there_or_not_meant(
    shared_production: Production, words: tuple[str, ...], settings: dict[str, str], told: str
) -> None:
    environment = {**shared_production.environment, **settings}

    refused = run("get", *words, folder=shared_production.folder, environment=environment)

    assert (refused.returncode, refused.stdout) == (MISCONFIGURED, "")
    assert told in refused.stderr


def test_what_is_changed_in_a_sandbox_never_was_and_without_one_it_stays(
    shared_production: Production, shopper: Shopper
) -> None:
    folder, environment = shared_production.folder, shared_production.environment
    script = CLOSE.format(id=expect(shopper.get("/v1/users/me"), 200)["id"])

    tried = run("shell", "--sandbox", folder=folder, environment=environment, typed=script)
    assert (tried.stdout, tried.returncode) == ("deactivated\n", FINE), tried.stderr
    expect(shopper.get("/v1/users/me"), 200)

    done = run("shell", folder=folder, environment=environment, typed=script)
    assert (done.stdout, done.returncode) == ("deactivated\n", FINE), done.stderr
    started = time.monotonic()
    while shopper.get("/v1/users/me").status_code == httpx.codes.OK:
        assert time.monotonic() - started < WITHIN_S, "the twin: still open"
        time.sleep(POLL_S)

    closed = run("get", "/v1/users/me", "--as", shopper.email, folder=folder, environment=environment)
    assert closed.returncode == CHECK_FAILED, "who can't log in can't be spoken for"
    assert "deactivated" in closed.stderr


def test_a_script_that_fails_is_shown_from_its_own_first_line(shared_production: Production) -> None:
    failed = run(
        "shell",
        folder=shared_production.folder,
        environment=shared_production.environment,
        typed="beds = 3\nbeds / 0\n",
    )

    assert failed.returncode == CHECK_FAILED
    assert failed.stderr.startswith('Traceback (most recent call last):\n  File "<hedgerow>", line 2')


def test_a_prompt_in_production_must_be_meant(shared_production: Production) -> None:
    environment = {**shared_production.environment, "HEDGEROW_ENV": "prod"}

    refused = run("shell", folder=shared_production.folder, environment=environment, typed="print('in')")

    assert (refused.returncode, refused.stdout) == (MISCONFIGURED, "")
    assert "say --yes" in refused.stderr


def test_a_running_api_is_asked_for_its_health(client: httpx.Client, shared_production: Production) -> None:
    asked = run("health", "--url", str(client.base_url), folder=shared_production.folder, environment={})

    assert asked.returncode == FINE
    assert asked.stdout.startswith("ready\n  database: ok\n")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("hedgerow sched", "schedules"), ("hedgerow users log", "login-link"), ("hedgerow no_such_verb x", "")],
)
def test_the_tab_key_completes_verbs_also_those_of_contexts(
    shared_production: Production, typed: str, completed: str
) -> None:
    words = typed.split()
    completing = {
        "_HEDGEROW_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }

    told = run(folder=shared_production.folder, environment=completing)

    assert (told.stdout.strip(), told.stderr) == (completed, "")
