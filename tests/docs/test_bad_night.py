"""What to do in a bad night works: its commands are typed against a host as in production, and do what is told."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import httpx
import jwt
import pyotp
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import Production, migrated_production, with_role
from tests.docs.markdown import DOCS, Block, blocks
from tests.processes import CHOSEN, SECRET, clean_environment
from tests.scenarios.test_errors import problem
from tests.shell import typed, with_hedgerow
from tests.story import Shopper, expect, sign_up

PAGE = (DOCS / "how-to/survive-a-bad-night.md").read_text()
WITHIN_S = 5.0
POLL_S = 0.05
CODE = re.compile(r"^[\w-]{43}$", re.M)


def scripts(text: str) -> dict[str, Block]:
    """The commands of the page, by what they are for."""
    return {block.title or "": block for block in blocks(text) if block.language == "sh"}


@dataclass(frozen=True, slots=True)
class Night:
    """A host with two nodes, and a shell beside its database."""

    production: Production
    client: httpx.Client
    node: httpx.Client

    def types(self, title: str, **variables: str) -> str:
        """Type the commands of a section; what they print. Each must succeed."""
        return self.shell(scripts(PAGE)[title].text, **variables)

    def shell(self, script: str, **variables: str) -> str:
        environment = clean_environment() | CHOSEN | self.production.environment | variables
        done = typed(script, folder=self.production.folder, environment=with_hedgerow(environment))
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def night(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    with ExitStack() as stack:
        production = stack.enter_context(migrated_production(postgres_server, redis_url, folder))
        _first, client = stack.enter_context(production.api())
        _second, node = stack.enter_context(production.api())
        yield Night(production, client, node)


def refused_on_both(night: Night, shopper: Shopper, code: str) -> None:
    """Both nodes refuse the access token, soon for this reason. First a node may see that the account is closed."""
    deadline = time.monotonic() + WITHIN_S
    for at in (night.client, night.node):
        refused = False
        while code not in (answer := replace(shopper, client=at).get("/v1/users/me")).text:
            assert time.monotonic() < deadline, f"still believed: {answer.text}"
            assert not (refused and answer.is_success), "believed again"
            refused = not answer.is_success
            time.sleep(POLL_S)
        problem(answer, 401, code)


def log_in(night: Night, shopper: Shopper, **more: str) -> httpx.Response:
    body = {"email": shopper.email, "password": shopper.password, **more}
    return night.client.post("/v1/users/login", json=body)


def refresh(client: httpx.Client, shopper: Shopper) -> httpx.Response:
    return client.post("/v1/users/refresh", json={"refresh_token": shopper.tokens["refresh_token"]})


def enrolled(night: Night, shopper: Shopper) -> pyotp.TOTP:
    """The app of somebody whose second factor is on. Its first code is used up."""
    begun = expect(shopper.post("/v1/users/me/second-factor", json={"current_password": shopper.password}), 201)
    app = pyotp.TOTP(begun["secret"])
    expect(shopper.post("/v1/users/me/second-factor/confirm", json={"code": app.at(time.time() - 30)}), 200)
    return app


def play_everybody_out(night: Night) -> None:
    two = [sign_up(night.client), sign_up(night.node)]
    night.types("everybody out")
    for shopper in two:
        refused_on_both(night, shopper, "token_revoked")
        problem(refresh(night.client, shopper), 401, "users.invalid_refresh_token")
    deadline = time.monotonic() + 3 * WITHIN_S
    while sign_up_again(night, two[0]).status_code != httpx.codes.OK:
        assert time.monotonic() < deadline, "nobody is believed any more"
        time.sleep(10 * POLL_S)


def sign_up_again(night: Night, shopper: Shopper) -> httpx.Response:
    tokens = expect(log_in(night, shopper), 200)
    return replace(shopper, tokens=tokens).get("/v1/users/me")


def play_a_leaked_signing_key(night: Night) -> None:
    shopper = sign_up(night.client)
    kid = str(jwt.get_unverified_header(shopper.tokens["access_token"])["kid"])
    printed = night.types("a leaked signing key", KID=kid)
    assert kid in printed.splitlines()[0]
    refused_on_both(night, shopper, "invalid_token")
    for at in (night.client, night.node):
        assert kid not in at.get("/.well-known/jwks.json").text
    renewed = replace(shopper, tokens=expect(refresh(night.client, shopper), 200))
    deadline = time.monotonic() + WITHIN_S
    while replace(renewed, client=night.node).get("/v1/users/me").status_code != httpx.codes.OK:
        assert time.monotonic() < deadline, "the new key is not believed"
        time.sleep(POLL_S)
    assert kid not in night.shell("hedgerow users keys list --json")


def play_a_stolen_refresh_token(night: Night) -> None:
    shopper, bystander = sign_up(night.client), sign_up(night.client)
    printed = night.types("a stolen refresh token", EMAIL=shopper.email)
    assert "127.0.0.0/24" in printed
    refused_on_both(night, shopper, "token_revoked")
    for at in (night.client, night.node):
        problem(refresh(at, shopper), 401, "users.invalid_refresh_token")
    assert json.loads(night.shell(f"hedgerow users sessions list {shopper.email} --json")) == []
    expect(bystander.get("/v1/users/me"), 200)


def play_a_compromised_admin(night: Night) -> None:
    admin = with_role(night.production, night.client, "super_admin")
    another = {"ANOTHER": f"rescue-{admin.email}", "NEW_PASSWORD": "a very good password"}
    night.types("a compromised admin", EMAIL=admin.email, **another)
    refused_on_both(night, admin, "token_revoked")
    problem(log_in(night, admin), 403, "users.account_deactivated")

    printed = night.types("a compromised admin, afterwards", EMAIL=admin.email)
    (token,) = CODE.findall(printed)
    tokens = expect(night.node.post("/v1/users/login/link", json={"token": token}), 200)
    assert expect(replace(admin, tokens=tokens).get("/v1/users/me"), 200)["roles"] == ["user"]
    problem(night.node.post("/v1/users/login/link", json={"token": token}), 422, "users.invalid_link")
    shown = json.loads(night.shell(f"hedgerow users roles show {admin.email} --json"))
    assert shown == {"email": admin.email, "roles": ["user"], "status": "active"}


def play_a_rotated_server_secret(night: Night) -> None:
    shopper = sign_up(night.client)
    app = enrolled(night, shopper)
    told = 'echo "$USERS_SECRET"\necho "$USERS_SECRET_PREVIOUS"\n'
    new, old = night.shell(scripts(PAGE)["a rotated server secret"].text + told).splitlines()[-2:]
    assert old == SECRET
    both = night.production.with_settings(USERS_SECRET=new, USERS_SECRET_PREVIOUS=old)
    with both.api() as (_process, client):
        expect(replace(shopper, client=client).get("/v1/users/me"), 200)

    alone = night.production.with_settings(USERS_SECRET=new)
    with alone.api() as (_process, client):
        problem(replace(shopper, client=client).get("/v1/users/me"), 401, "invalid_token")
        renewed = expect(refresh(client, shopper), 200)
        expect(replace(shopper, client=client, tokens=renewed).get("/v1/users/me"), 200)
        body = {"email": shopper.email, "password": shopper.password, "code": app.at(time.time() + 30)}
        expect(client.post("/v1/users/login", json=body), 200)
        listed = json.loads(replace(night, production=alone).shell("hedgerow users keys list --json"))
        assert {"unreadable", "signing"} == {key["state"] for key in listed}


def play_a_lost_second_factor(night: Night) -> None:
    owner = with_role(night.production, night.client, "super_admin")
    enrolled(night, owner)
    problem(log_in(night, owner), 401, "users.second_factor_required")
    night.types("a lost second factor", EMAIL=owner.email)
    refused_on_both(night, owner, "token_revoked")
    expect(log_in(night, owner), 200)
    with night.production.with_settings(USERS_SECOND_FACTOR_FOR="admin").api() as (_process, client):
        body = {"email": owner.email, "password": owner.password}
        assert expect(client.post("/v1/users/login", json=body), 200)["second_factor"] == "required"


# The server secret comes last: it leaves the running nodes behind.
PLAYED: Mapping[str, Callable[[Night], None]] = {
    "everybody out": play_everybody_out,
    "a leaked signing key": play_a_leaked_signing_key,
    "a stolen refresh token": play_a_stolen_refresh_token,
    "a compromised admin": play_a_compromised_admin,
    "a lost second factor": play_a_lost_second_factor,
    "a rotated server secret": play_a_rotated_server_secret,
}


@pytest.mark.parametrize("title", PLAYED)
def test_the_commands_do_what_the_page_says(night: Night, title: str) -> None:
    PLAYED[title](night)


def test_no_commands_of_the_page_are_left_out() -> None:
    assert {title.partition(",")[0] for title in scripts(PAGE)} == PLAYED.keys()
    more = PAGE + '```sh title="a made up night"\nhedgerow users panic\n```\n'
    assert scripts(more).keys() - PLAYED.keys() - scripts(PAGE).keys() == {"a made up night"}


def test_a_page_whose_commands_do_nothing_is_noticed(night: Night) -> None:
    shopper = sign_up(night.client)
    night.shell("true", EMAIL=shopper.email)
    with pytest.raises(AssertionError, match="still believed"):
        refused_on_both(night, shopper, "token_revoked")
