"""An API that can't read revocations believes nobody, rather than somebody who was shut out; then it recovers."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from hedgerow_core.persistence.embedded import embedded_postgres
from tests.conftest import NO_MAIL, Production, url_of
from tests.processes import run
from tests.story import expect, sign_up

BELIEVED_FOR_S = 5.0
SLACK_S = 2.0


def test_an_api_that_cannot_read_revocations_for_five_seconds_answers_503_and_recovers(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path / "data") as postgres:
        environment = {"HEDGEROW_DATABASE_URL": url_of(postgres.address), "USERS_SMTP_URL": NO_MAIL}
        production = Production(tmp_path, environment)
        assert run("migrate", folder=tmp_path, environment=production.environment).returncode == 0
        with production.api() as (_process, client):
            shopper = sign_up(client)
            postgres.stop()
            time.sleep(BELIEVED_FOR_S + SLACK_S)
            refused = shopper.get("/v1/users/me")
            keys = client.get("/.well-known/jwks.json")
            postgres.start()
            deadline = time.monotonic() + 10
            while (back := shopper.get("/v1/users/me")).status_code != httpx.codes.OK:
                assert time.monotonic() < deadline, back.text
                time.sleep(0.1)

    assert (refused.status_code, refused.json()["code"]) == (503, "users.revocations_unknown")
    assert refused.headers["retry-after"] == "1"
    expect(keys, 200)
    expect(back, 200)
