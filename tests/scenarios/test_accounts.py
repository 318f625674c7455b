"""Accounts in a whole host: mail leaves through the worker, and administration reaches every process."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Production
from tests.processes import Process, running
from tests.story import Shopper, expect, sign_up

CODE = re.compile(r"^[\w-]{43}$", re.MULTILINE)


def code_in(production: Production, address: str, about: str) -> str:
    """The code in the latest mail of this kind."""
    (code,) = CODE.findall(production.mailbox.wait_for(address, about=about).get_content().replace("\r", ""))
    return code


def test_who_registers_gets_a_mail_and_confirms_the_address(
    client: httpx.Client, shared_production: Production, shopper: Shopper
) -> None:
    assert expect(shopper.get("/v1/users/me"), 200)["verified_at"] is None
    code = code_in(shared_production, shopper.email, "Confirm")
    expect(client.post("/v1/users/verify-email", json={"token": code}), 204)
    assert expect(shopper.get("/v1/users/me"), 200)["verified_at"] is not None


def test_a_forgotten_password_is_replaced(
    client: httpx.Client, shared_production: Production, shopper: Shopper
) -> None:
    expect(client.post("/v1/users/password/forgot", json={"email": shopper.email}), 202)
    code = code_in(shared_production, shopper.email, "new password")
    reset = {"token": code, "new_password": "another battery staple"}
    expect(client.post("/v1/users/password/reset", json=reset), 204)
    old = {"email": shopper.email, "password": shopper.password}
    expect(client.post("/v1/users/login", json=old), 401)
    expect(client.post("/v1/users/refresh", json={"refresh_token": shopper.tokens["refresh_token"]}), 401)
    expect(client.post("/v1/users/login", json={**old, "password": "another battery staple"}), 200)


@pytest.mark.parametrize("role", ["api", "worker"])
def test_in_production_a_host_that_could_not_mail_does_not_start(shared_production: Production, role: str) -> None:
    environment = {**shared_production.environment, "USERS_SMTP_URL": ""}
    process = Process(role, folder=shared_production.folder, environment=environment)
    assert process.wait() == 1
    assert "USERS_SMTP_URL is not set" in process.output


def test_in_development_mail_is_printed(tmp_path: Path) -> None:
    with running("dev", "--port", "0", folder=tmp_path, environment={}) as host:
        host.wait_for("Ctrl-C stops everything.")
        (url,) = set(re.findall(r"http://127\.0\.0\.1:\d+", host.output))
        with httpx.Client(base_url=url, timeout=10) as client:
            email = f"ann-{uuid4().hex[:12]}@example.com"
            body = {"email": email, "password": "correct horse", "name": "Ann"}
            expect(client.post("/v1/users/register", json=body), 202)
            host.wait_for("mail_printed", within_s=15)
    assert email in host.output.partition("mail_printed")[2]


def test_a_mail_that_cannot_leave_keeps_nobody_waiting(shared_production: Production) -> None:
    nowhere = shared_production.with_settings(USERS_SMTP_URL="smtp://127.0.0.1:9?starttls=never")
    with nowhere.api() as (_api, client):
        assert sign_up(client).tokens
