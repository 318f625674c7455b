"""A host as in production: `hedgerow migrate`, `api` and `worker` as processes on a real PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_core.testing.servers import database_for_test, free_port
from tests.cheap_hashing import CHEAPLY
from tests.processes import NO_TLS, Process, run, running, wait_until_ready
from tests.story import Shopper, expect, sign_up

HERE = Path(__file__).parent
NO_MAIL = "smtp://127.0.0.1:9?starttls=never"
"""Where nobody takes mail, for hosts of whose mail nothing is to be seen."""


@dataclass(frozen=True, slots=True)
class Production:
    """Where a host's parts are."""

    folder: Path
    environment: Mapping[str, str]
    mailbox: Mailbox = field(default_factory=Mailbox)
    """Where its mail goes; deaf unless somebody starts it."""
    elsewhere: Mapping[str, Production] = field(default_factory=dict)
    """By context: the hosts of those that live on another one."""

    def hosting(self, context: str) -> Production:
        """The host of this context."""
        return self.elsewhere.get(context, self)

    @contextmanager
    def api(self) -> Iterator[tuple[Process, httpx.Client]]:
        """A running API and a client for it."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with running("api", "--port", str(port), folder=self.folder, environment=self.environment) as process:
            wait_until_ready(url, process)
            with httpx.Client(base_url=url, timeout=10, verify=NO_TLS) as client:
                yield process, client

    @contextmanager
    def worker(self) -> Iterator[Process]:
        """A running worker."""
        with running("worker", folder=self.folder, environment=self.environment) as process:
            process.wait_for("worker_ready")
            yield process

    def with_settings(self, **settings: str) -> Production:
        """The same parts, other settings."""
        return Production(self.folder, {**self.environment, **settings}, self.mailbox)


def url_of(address: DatabaseAddress) -> str:
    """As an operator writes it, password and all."""
    return address.url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def migrated_production(server: DatabaseAddress, broker_url: str, folder: Path) -> Iterator[Production]:
    """A database of its own, as the command migrates it."""
    template = migrated_by_command(server).url.database
    with database_for_test(server, template=template) as address, mailbox_of_a_host() as mailbox:
        environment = {
            "HEDGEROW_DATABASE_URL": url_of(address),
            "HEDGEROW_BROKER_URL": broker_url,
            **({"HEDGEROW_CACHE_URL": broker_url} if broker_url.startswith("redis") else {}),
            "HEDGEROW_ENV": "test",  # as production; but the whole suite is one network
            "USERS_SMTP_URL": mailbox.url,
        }
        yield Production(folder, environment, mailbox)


@cache
def migrated_by_command(server: DatabaseAddress) -> DatabaseAddress:
    """A database to copy: the command takes a second, a copy a thirtieth of that."""
    made = ExitStack()
    address = made.enter_context(database_for_test(server))
    with TemporaryDirectory() as folder:
        environment = {"HEDGEROW_DATABASE_URL": url_of(address), "HEDGEROW_ENV": "test", "USERS_SMTP_URL": NO_MAIL}
        migrated = run("migrate", folder=Path(folder), environment=environment)
        assert migrated.returncode == 0, migrated.stderr
    atexit.register(left_as_it_was, made)
    return address


def left_as_it_was(made: ExitStack) -> None:
    """Drop what was made on a server that outlives the run; ours has taken it along."""
    with suppress(OSError, DBAPIError):
        made.close()


@contextmanager
def mailbox_of_a_host() -> Iterator[Mailbox]:
    """Somebody who takes the mail of a whole host."""
    mailbox = Mailbox()
    mailbox.start()
    try:
        yield mailbox
    finally:
        mailbox.stop()


def pytest_configure() -> None:
    """What the processes inherit that tests start."""
    os.environ |= CHEAPLY


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that share the running host come last: until the end of the run it takes a tenth of a core."""
    sharing = {item.path for item in items if isinstance(item, pytest.Function) and _shares_the_host(item)}
    items.sort(key=lambda item: item.path in sharing)


def _shares_the_host(item: pytest.Function) -> bool:
    return item.path.is_relative_to(HERE) and "client" in item.fixturenames


@pytest.fixture(scope="session")
def shared_production(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    """For tests that leave the host as it is."""
    with migrated_production(postgres_server, redis_url, tmp_path_factory.mktemp("host")) as production:
        yield production


@pytest.fixture(scope="session")
def client(shared_production: Production) -> Iterator[httpx.Client]:
    """A client of a running API with a running worker behind it, shared by all scenarios."""
    with shared_production.worker(), shared_production.api() as (_api, client):
        yield client


@pytest.fixture
def shopper(client: httpx.Client) -> Shopper:
    """Somebody new who is logged in."""
    return sign_up(client)


@pytest.fixture
def another_shopper(client: httpx.Client) -> Shopper:
    """Somebody else."""
    return sign_up(client)


@pytest.fixture
def unmigrated(fresh_database: DatabaseAddress, redis_url: str) -> dict[str, str]:
    """The settings of a host whose database is empty."""
    return {
        "HEDGEROW_DATABASE_URL": url_of(fresh_database),
        "HEDGEROW_BROKER_URL": redis_url,
        "USERS_SMTP_URL": NO_MAIL,
    }


def with_role(production: Production, client: httpx.Client, role: str) -> Shopper:
    """Somebody of this role, logged in."""
    somebody = sign_up(client)

    async def appoint() -> None:
        home = production.hosting("users").environment
        connection = await asyncpg.connect(home["HEDGEROW_DATABASE_URL"])
        await connection.execute(
            "UPDATE users.accounts SET roles = $1 WHERE lower(email) = lower($2)", [role], somebody.email
        )
        await connection.close()

    asyncio.run(appoint())
    tokens = expect(
        client.post("/v1/users/login", json={"email": somebody.email, "password": somebody.password}), 200
    )
    return Shopper(client, somebody.email, somebody.password, tokens)
