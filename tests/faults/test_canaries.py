"""Experiment 32: no secret ever stands in a log, an answer, a dead letter or the database in the clear.

A whole story is played on real processes with secrets that would be recognised anywhere, its failures included:
wrong bodies, refused tokens, a table that is gone (500, with a traceback), mail that can't leave (errors are kept).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import database_for_test, free_port, run_sql
from tests.conftest import Production, mailbox_of_a_host, url_of
from tests.faults.laboratory.canaries import Canaries, rows_of_all_tables
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG
from tests.faults.laboratory.supervisor import CHILD
from tests.processes import Process, run, wait_until_ready
from tests.story import Shopper, create_invoice, expect, until_paid

ROOT = Path(__file__).parents[2]
ALL_MUTANTS = ("quotes_passwords_in_errors", "logs_what_is_presented")
MUTANTS = ALL_MUTANTS if LONG else ALL_MUTANTS[:1]
CODE = re.compile(r"^[\w-]{43}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cage:
    """A host whose secrets are canaries."""

    production: Production
    canaries: Canaries
    answers: dict[str, str] = field(default_factory=dict)

    def listen(self, client: httpx.Client) -> None:
        """Keep every answer but those that hand tokens out."""

        def keep(response: httpx.Response) -> None:
            response.read()
            hands_out = response.url.path.endswith(("/login", "/refresh")) and response.is_success
            if not hands_out:
                self.answers[f"answer {len(self.answers)} of {response.url.path}"] = (
                    f"{response.headers} {response.text}"
                )

        client.event_hooks["response"].append(keep)

    def do(self, *statements: str) -> None:
        """What an operator does with psql."""

        async def execute() -> None:
            connection = await asyncpg.connect(self.production.environment["HEDGEROW_DATABASE_URL"])
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())


@pytest.fixture
def cage(postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path) -> Iterator[Cage]:
    unique = uuid4().hex
    names = ("database password", "server secret", "smtp password", "password", "next password", "api key")
    secrets = {name: f"canary-{number}-{unique}" for number, name in enumerate(names)}
    role = f"cage_{unique}"
    run_sql(postgres_server, f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{secrets['database password']}'")
    with database_for_test(postgres_server) as address, mailbox_of_a_host() as mailbox:
        address = DatabaseAddress(address.url.set(username=role, password=secrets["database password"]))
        environment = {
            "HEDGEROW_DATABASE_URL": url_of(address),
            "HEDGEROW_BROKER_URL": redis_url,
            "HEDGEROW_ENV": "test",
            "USERS_SMTP_URL": mailbox.url,
            "USERS_SECRET": secrets["server secret"],
            "PYTHONPATH": str(ROOT),
        }
        assert run("migrate", folder=tmp_path, environment=environment).returncode == 0
        yield Cage(Production(tmp_path, environment, mailbox), Canaries(secrets))
    run_sql(postgres_server, f"DROP ROLE {role}")


def test_no_secret_gets_out(cage: Cage, verdict: Records) -> None:
    play_all(cage)
    verdict("32 canaries", cage.canaries, seed=0, characters=cage.canaries.searched)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_build_that_sings_is_heard(cage: Cage, verdict: Records, mutant: str) -> None:
    play_all(cage, mutant)
    verdict("32 canaries", cage.canaries, seed=0, mutant=mutant, shows="leaked")


def play_all(cage: Cage, mutant: str = "") -> None:
    """Play, break, and search."""
    smtp = f"smtp://hedgerow:{cage.canaries.secrets['smtp password']}@127.0.0.1:{free_port()}"
    processes = [*play(cage, mutant), *fail(cage, mutant, {"USERS_SMTP_URL": smtp})]
    logs = {f"log {number}": process.output for number, process in enumerate(processes)}
    assert "Traceback" in "".join(logs.values()), "nothing failed as it was meant to"
    cage.canaries.search(logs)
    cage.canaries.search(rows_of_all_tables(cage.production.environment["HEDGEROW_DATABASE_URL"]))
    cage.canaries.search(cage.answers)


def play(cage: Cage, mutant: str) -> list[Process]:
    """The story: from the registration to a paid invoice, a new password and a new address."""
    known, email = cage.canaries.secrets, f"ann-{uuid4().hex}@example.com"
    with started(cage, mutant) as (processes, client):
        body = {"email": email, "password": known["password"], "name": "Ann"}
        expect(client.post("/v1/users/register", json=body), 202)
        shopper = logged_in(cage, client, email, "password")
        verify = code_of(cage, email, "Confirm", "verification code")
        expect(client.post("/v1/users/verify-email", json={"token": verify}), 204)
        invoice = create_invoice(shopper)["id"]
        expect(shopper.post(f"/v1/billing/invoices/{invoice}/open"), 200)
        expect(shopper.post(f"/v1/billing/invoices/{invoice}/request-payment"), 202)
        until_paid(shopper, invoice)
        refreshed = expect(client.post("/v1/users/refresh", json={"refresh_token": known["refresh token"]}), 200)
        known |= {
            "second refresh token": refreshed["refresh_token"],
            "second access token": refreshed["access_token"],
        }
        stolen = {"json": {"refresh_token": known["refresh token"]}, "headers": {"User-Agent": "a thief's"}}
        expect(client.post("/v1/users/refresh", **stolen), 401)
        expect(client.post("/v1/users/password/forgot", json={"email": email}), 202)
        reset = code_of(cage, email, "new password", "reset code")
        new = {"token": reset, "new_password": known["next password"]}
        expect(client.post("/v1/users/password/reset", json=new), 204)
        expect(client.post("/v1/users/password/reset", json=new), 422)
        logged_in(cage, client, email, "next password")
    return processes


def fail(cage: Cage, mutant: str, settings: dict[str, str]) -> list[Process]:
    """Whatever can go wrong with a secret in hand, with mail that can't leave."""
    known, email = cage.canaries.secrets, f"bob-{uuid4().hex}@example.com"
    failing = Cage(cage.production.with_settings(**settings), cage.canaries, cage.answers)
    credentials = {"email": email, "password": known["password"]}
    with started(failing, mutant) as (processes, client):
        expect(client.post("/v1/users/register", json={**credentials, "name": "Bob"}), 202)
        processes[0].wait_for("delivery_failed")
        expect(client.post("/v1/users/login", json={"email": email, "password": known["next password"]}), 401)
        expect(
            client.post("/v1/users/login", json={"email": known["password"], "password": known["password"]}), 401
        )
        expect(client.post("/v1/users/login", json={"email": email, "password": [known["password"]]}), 422)
        expect(client.post("/v1/users/login", content=f'{{"password": "{known["password"]}'), 422)
        expect(client.post("/v1/users/register", json={**credentials, "name": 5}), 422)
        expect(client.post("/v1/users/verify-email", json={"token": known["api key"]}), 422)
        for token in (known["api key"], known["access token"] + "x"):
            expect(client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"}), 401)
        failing.do("ALTER TABLE users.sessions RENAME TO sessions_gone")
        expect(client.post("/v1/users/login", json=credentials), 500)
        expect(client.post("/v1/users/refresh", json={"refresh_token": known["second refresh token"]}), 500)
        failing.do("ALTER TABLE users.sessions_gone RENAME TO sessions")
    return processes


def logged_in(cage: Cage, client: httpx.Client, email: str, password: str) -> Shopper:
    """Log in with the password of this name; its tokens are secrets from now on."""
    secret = cage.canaries.secrets[password]
    tokens = expect(client.post("/v1/users/login", json={"email": email, "password": secret}), 200)
    cage.canaries.secrets |= {"access token": tokens["access_token"], "refresh token": tokens["refresh_token"]}
    return Shopper(client, email, secret, tokens)


def code_of(cage: Cage, email: str, about: str, name: str) -> str:
    """The code in the latest mail; a secret from now on."""
    mail = cage.production.mailbox.wait_for(email, about=about).get_content().replace("\r", "")
    (code,) = CODE.findall(mail)
    cage.canaries.secrets[name] = code
    return str(code)


class started:  # noqa: N801 - reads as what it does
    """A worker and an API, in this order, and a client of the API; broken ones, if a mutant is named."""

    def __init__(self, cage: Cage, mutant: str) -> None:
        self._cage, self._mutant = cage, mutant
        self._processes: list[Process] = []

    def __enter__(self) -> tuple[list[Process], httpx.Client]:
        url = f"http://127.0.0.1:{free_port()}"
        worker, api = self._start("worker"), self._start("api", "--port", url.rpartition(":")[2])
        self._processes += [worker, api]
        worker.wait_for("worker_ready")
        wait_until_ready(url, api)
        self._client = httpx.Client(base_url=url, timeout=10)
        self._cage.listen(self._client)
        return self._processes, self._client

    def __exit__(self, *_failure: object) -> None:
        self._client.close()
        for process in self._processes:
            process.end()

    def _start(self, *arguments: str) -> Process:
        environment = {**self._cage.production.environment, "LAB_MUTANT": self._mutant}
        folder = self._cage.production.folder
        return Process(*arguments, folder=folder, environment=environment, program=CHILD)
