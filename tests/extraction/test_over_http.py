"""What callers see when a context moves: a 503 that says so, for a moment, and nothing at the others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.servers import free_port
from tests.conftest import NO_MAIL, url_of
from tests.processes import run, running, wait_until_ready
from tests.story import create_invoice, sign_up

STANDSTILL_S = 5.0
PAUSE_S = 0.02
STANDBY = {"status": "standby", "standby": ["users"]}


@dataclass(slots=True)
class Caller:
    """Calls again and again, and knows how long nothing was done for it."""

    call: Callable[[], str]
    """Returns what came of it, `done` if it was done."""
    answers: Counter[str] = field(default_factory=Counter)
    longest_gap_s: float = 0.0

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While the body runs."""
        over = threading.Event()
        thread = threading.Thread(target=self._go_on, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _go_on(self, over: threading.Event) -> None:
        last = time.monotonic()
        while not over.wait(PAUSE_S):
            said = self.call()
            self.answers[said] += 1
            if said == "done":
                self.longest_gap_s = max(self.longest_gap_s, time.monotonic() - last)
                last = time.monotonic()


@dataclass(slots=True)
class Front:
    """Sends callers to the old host, and to the new one as soon as that no longer stands by."""

    old: httpx.Client
    new: httpx.Client
    flipped: bool = False

    def rename(self, headers: dict[str, str]) -> str:
        """Write something to users."""
        host = self.new if self.flipped else self.old
        answer = host.patch("/v1/users/me", json={"name": f"Ann {time.monotonic_ns()}"}, headers=headers)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and answer.json()["code"] == "context_is_moving":
            assert answer.headers["Retry-After"] == "1"
            self.flipped = self.new.get("/readyz").json()["status"] == "ready"
            return "moving"
        return "done" if answer.is_success else answer.text


@pytest.fixture
def old_host(migrated_databases: MigratedDatabases, redis_url: str) -> Iterator[dict[str, str]]:
    from hedgerow_billing import plugin as billing
    from hedgerow_users import plugin as users

    with migrated_databases.copy(users=(users.migrations(),), billing=(billing.migrations(),)) as address:
        yield {
            "HEDGEROW_DATABASE_URL": url_of(address),
            "HEDGEROW_BROKER_URL": redis_url,
            "HEDGEROW_ENV": "test",
            "HEDGEROW_CONTEXTS": "users,billing",
            "HEDGEROW_RATE_LIMIT_PER_MINUTE": "100000",
            "USERS_SMTP_URL": NO_MAIL,
        }


def test_callers_of_the_moved_context_wait_for_a_moment_and_others_for_none(
    old_host: dict[str, str], target: DatabaseAddress, tmp_path: Path
) -> None:
    new_host = old_host | {"HEDGEROW_DATABASE_URL": url_of(target), "HEDGEROW_CONTEXTS": "users"}
    ports = free_port(), free_port()
    urls = [f"http://127.0.0.1:{port}" for port in ports]

    def extract(through: str) -> None:
        options = ("--to", url_of(target), "--through", through, "--new-host", urls[1])
        ended = run("extract", "run", "users", *options, folder=tmp_path, environment=old_host)
        assert ended.returncode == 0, ended.stderr

    with running("api", "--port", str(ports[0]), folder=tmp_path, environment=old_host) as api:
        wait_until_ready(urls[0], api)
        with httpx.Client(base_url=urls[0], timeout=30) as old, httpx.Client(base_url=urls[1], timeout=30) as new:
            ann = sign_up(old)
            headers = {"Authorization": f"Bearer {ann.tokens['access_token']}"}
            extract("shadow")
            with running("api", "--port", str(ports[1]), folder=tmp_path, environment=new_host) as second:
                wait_until_ready(urls[1], second)
                assert new.get("/readyz").json().items() >= STANDBY.items()
                assert new.patch("/v1/users/me", json={"name": "Too early"}, headers=headers).status_code == 503
                front = Front(old, new)
                renaming = Caller(lambda: front.rename(headers))
                buying = Caller(lambda: "done" if create_invoice(ann) else "")
                with buying.calling(), renaming.calling():
                    time.sleep(1)
                    extract("switch")
                    time.sleep(1)
                assert new.get("/readyz").json()["status"] == "ready"
    print(f"\nusers stood still for {renaming.longest_gap_s:.2f} s, billing for {buying.longest_gap_s:.2f} s")
    assert set(renaming.answers) == {"done", "moving"}
    assert front.flipped
    assert renaming.longest_gap_s <= STANDSTILL_S
    assert set(buying.answers) == {"done"}
