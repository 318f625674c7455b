"""Somebody comes by an identity provider: let in, billed, shut out, and deleted, over HTTP and with real keys."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest

from hedgerow_core.testing import LocalIssuer
from hedgerow_core.testing.local_issuer import SignedWebhook
from tests.conftest import Production, with_role
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.story import Shopper, create_invoice, expect, sign_up

WITHIN_S = 1.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Scene:
    """A host that believes two providers: one that is there, and one that has been away since before it started."""

    production: Production
    client: httpx.Client
    acme: LocalIssuer
    away: LocalIssuer

    def comes(self, issuer: LocalIssuer | None = None, **claims: object) -> Shopper:
        """Somebody new, with a token of a provider."""
        email = f"ann-{uuid4().hex[:12]}@example.com"
        token = (issuer or self.acme).person(email, email, **claims)
        return Shopper(self.client, email, "", {"access_token": token})

    def sends(self, webhook: SignedWebhook) -> httpx.Response:
        return self.client.post("/v1/users/webhooks/acme", content=webhook.body, headers=dict(webhook.headers))


@pytest.fixture(scope="module")
def scene(shared_production: Production) -> Iterator[Scene]:
    acme, away = LocalIssuer(), LocalIssuer(algorithm="ES256")
    acme.start()
    providers = [acme.setting(), away.setting("away")]
    with shared_production.with_settings(USERS_PROVIDERS=json.dumps(providers)).api() as (_process, client):
        yield Scene(shared_production, client, acme, away)
    acme.stop()


def until_refused(somebody: Shopper) -> tuple[httpx.Response, float]:
    """The first answer that is no 200, and how long it took."""
    started = time.monotonic()
    while (answer := somebody.get("/v1/billing/invoices")).status_code == httpx.codes.OK:
        assert time.monotonic() - started < WITHIN_S, "still let in"
        time.sleep(POLL_S)
    return answer, time.monotonic() - started


def test_somebody_comes_is_billed_is_shut_out_and_is_deleted(scene: Scene) -> None:
    ann, admin = scene.comes(roles=["super_admin"]), with_role(scene.production, scene.client, "admin")

    me = expect(ann.get("/v1/users/me"), 200)
    assert (me["email"], me["roles"], me["status"]) == (ann.email, ["user"], "active")
    create_invoice(ann)
    assert len(expect(ann.get("/v1/billing/invoices"), 200)["items"]) == 1
    problem(ann.get("/v1/users/accounts"), 403, "not_permitted")

    account = f"/v1/users/accounts/{me['id']}"
    expect(admin.post(f"{account}/deactivate"), 200)
    answer, took = until_refused(ann)
    problem(answer, 403, "users.account_deactivated")
    print(f"refused {took * 1000:.0f} ms after the deactivation")
    expect(admin.post(f"{account}/reactivate"), 200)
    expect(ann.get("/v1/users/me"), 200)

    webhook = scene.acme.webhook("user.deleted", {"id": ann.email})
    assert scene.sends(webhook).status_code == httpx.codes.NO_CONTENT
    answer, took = until_refused(ann)
    problem(answer, 401, "invalid_token")
    print(f"refused {took * 1000:.0f} ms after the deletion")
    assert expect(admin.get(account), 200)["status"] == "deleted"
    assert scene.sends(scene.acme.webhook("user.created", {"id": ann.email})).status_code == httpx.codes.NO_CONTENT
    problem(ann.get("/v1/users/me"), 401, "invalid_token")


def test_who_has_an_account_links_it_and_comes_both_ways(scene: Scene) -> None:
    local = sign_up(scene.client)
    token = scene.acme.person(local.email, local.email)
    by_provider = Shopper(scene.client, local.email, "", {"access_token": token})
    problem(by_provider.get("/v1/users/me"), 409, "users.identity_not_linked")

    body = {"token": token, "current_password": local.password}
    linked = expect(local.post("/v1/users/me/identities", json=body), 201)

    assert expect(by_provider.get("/v1/users/me"), 200) == expect(local.get("/v1/users/me"), 200)
    assert local.request("DELETE", f"/v1/users/me/identities/{linked['id']}").status_code == 204
    answer, _took = until_refused(by_provider)
    problem(answer, 409, "users.identity_not_linked")


def test_a_storm_of_invented_keys_leaves_the_provider_and_good_tokens_alone(scene: Scene) -> None:
    ann = scene.comes()
    expect(ann.get("/v1/users/me"), 200)
    asked = scene.acme.key_fetches
    for _ in range(50):
        invented = scene.acme.token("eve", header={"kid": uuid4().hex})
        problem(Shopper(scene.client, "", "", {"access_token": invented}).get("/v1/users/me"), 401, "invalid_token")
    expect(ann.get("/v1/users/me"), 200)
    assert scene.acme.key_fetches - asked <= 1


def test_a_provider_that_was_away_at_boot_costs_its_own_people_alone(scene: Scene) -> None:
    refused = scene.comes(scene.away).get("/v1/users/me")

    problem(refused, 503, "users.provider_keys_unknown")
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    expect(sign_up(scene.client).get("/v1/users/me"), 200)


def test_a_webhook_that_is_tampered_with_is_refused_over_the_wire(scene: Scene) -> None:
    good = scene.acme.webhook("user.updated", {"id": "nobody"})
    changed = SignedWebhook(good.headers, good.body.replace(b"nobody", b"someone"))

    problem(scene.sends(changed), 401, "users.webhook_refused")
    assert scene.sends(good).status_code == httpx.codes.NO_CONTENT


def test_no_secret_of_a_provider_is_shown(scene: Scene) -> None:
    environment = scene.production.with_settings(USERS_PROVIDERS=json.dumps([scene.acme.setting()])).environment
    shown = run("config", "show", "--json", folder=scene.production.folder, environment=environment)

    assert f"acme={scene.acme.url}" in shown.stdout, shown.stderr
    assert scene.acme.webhook_secret not in shown.stdout + shown.stderr
