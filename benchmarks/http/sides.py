"""The sides of a comparison, each a server process on the same core, on one PostgreSQL and one Redis.

Ours is `hedgerow api` as production starts it: a broker in Redis, so that callers are counted there, revocations
read, a line of the log for every request, in JSON, into a file. The yardsticks run under uvicorn with uvloop and
httptools, without its log of requests. Whoever calls is one account, whose rate limit is counted and never met.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from hedgerow_core.persistence.embedded import EmbeddedPostgres, embedded_postgres
from hedgerow_core.testing.servers import free_port, run_sql, running_redis
from tests.processes import COMMAND, clean_environment

ROOT = Path(__file__).parent.parent.parent
CONTEXTS = ("users", "billing", "sundial")
INVOICES = 300
"""Drafts of the caller: the list has several pages."""
READY_WITHIN_S = 60.0
TOKEN_LASTS_S = 200.0
"""It is good for 300 s; a new one in time, so that no round meets its end."""
_WHO = {"email": "ann@example.com", "password": "correct horse battery staple"}
LINES = [
    {"description": "Hawthorn sapling", "quantity": 2, "unit_price": 1250, "tax_rate": "19"},
    {"description": "Delivery", "quantity": 1, "unit_price": 990, "tax_rate": "19"},
]
NEW_INVOICE = {"currency": "EUR", "lines": LINES}


@dataclass(frozen=True, slots=True)
class Server:
    """One side, ready."""

    port: int
    pid: int


@dataclass(slots=True)
class Ground:
    """What the sides stand on, and who calls."""

    folder: Path
    postgres: EmbeddedPostgres
    environment: dict[str, str]
    server_core: int | None
    rest: tuple[int, ...]
    """Where the generator runs, and PostgreSQL and Redis with it."""
    servers: dict[str, Server] = field(default_factory=dict)
    _token: str = ""
    _token_at: float = float("-inf")

    @property
    def url(self) -> str:
        """Of PostgreSQL, for its owner."""
        return self.postgres.address.url.render_as_string(hide_password=False)

    def token(self) -> str:
        """A good access token of the caller."""
        if time.monotonic() - self._token_at > TOKEN_LASTS_S:
            answer = httpx.post(f"http://127.0.0.1:{self.servers['hedgerow'].port}/v1/users/login", json=_WHO)
            self._token, self._token_at = answer.raise_for_status().json()["access_token"], time.monotonic()
        return self._token

    def get(self, path: str) -> Any:
        """What our side answers the caller."""
        url = f"http://127.0.0.1:{self.servers['hedgerow'].port}{path}"
        return httpx.get(url, headers={"Authorization": f"Bearer {self.token()}"}).raise_for_status().json()

    @contextmanager
    def serving(self, name: str, command: list[str], more: dict[str, str] | None = None) -> Iterator[Server]:
        """A server process that listens on a port of its own; `{port}` in the command stands for it.

        Raises:
            RuntimeError: it ended, or does not listen.
        """
        port, log = free_port(), self.folder / f"{name}.log"
        core = self.server_core
        with log.open("wb") as written:
            process = subprocess.Popen(
                [each.format(port=port) for each in command],
                cwd=ROOT,
                env=clean_environment() | self.environment | (more or {}),
                stdout=written,
                stderr=subprocess.STDOUT,
                preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
            )
        try:
            _wait_for(port, process, log)
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def prepared(more: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """Start the servers, migrate, and register the caller with some invoices. Our side is called `hedgerow`.

    `more` is added to its environment.
    """
    server_core, rest = _cores()
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(embedded_postgres(folder / "data"))
        redis = stack.enter_context(running_redis(folder))
        for process in psutil.process_iter(["cmdline"]):
            if str(folder) in " ".join(process.info["cmdline"] or ()) and process.pid != os.getpid():
                process.cpu_affinity(list(rest))
        url = postgres.address.url.set(drivername="postgresql").render_as_string(hide_password=False)
        environment = dict(more or {}) | {
            "HEDGEROW_ENV": "prod",
            "HEDGEROW_DATABASE_URL": url,
            "HEDGEROW_BROKER_URL": redis.url,
            "HEDGEROW_CONTEXTS": ",".join(CONTEXTS),
            "HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000000",
            "USERS_SECRET": "for benchmarks alone, and so it is no secret",
            "USERS_SMTP_URL": "smtp://127.0.0.1:9",
            "BILLING_GATEWAY": "sandbox",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_installed(folder / "site")), str(ROOT)])),
        }
        ground = Ground(folder, postgres, environment, server_core, rest)
        migrated = subprocess.run(
            [str(COMMAND), "migrate"], env=clean_environment() | environment, capture_output=True, text=True
        )
        if migrated.returncode != 0:
            raise RuntimeError(f"`hedgerow migrate` failed:\n{migrated.stderr}")
        ours = stack.enter_context(ground.serving("hedgerow", [str(COMMAND), "api", "--port", "{port}"]))
        ground.servers["hedgerow"] = ours
        _populate(ground)
        yield ground


@contextmanager
def yardsticks(ground: Ground, *names: str) -> Iterator[None]:
    """Start the yardsticks of these names beside ours."""
    keys = httpx.get(f"http://127.0.0.1:{ground.servers['hedgerow'].port}/.well-known/jwks.json").text
    more = {"BARE_DATABASE_URL": ground.url, "BARE_JWKS": keys}
    uvicorn = [sys.executable, "-m", "uvicorn", "--port", "{port}", "--no-access-log", "--log-level", "warning"]
    with ExitStack() as stack:
        for name in names:
            command = [*uvicorn, f"benchmarks.http.bare_{name}:app"]
            ground.servers[name] = stack.enter_context(ground.serving(name, command, more))
        yield


def _populate(ground: Ground) -> None:
    base = f"http://127.0.0.1:{ground.servers['hedgerow'].port}"
    httpx.post(f"{base}/v1/users/register", json={**_WHO, "name": "Ann Example"}).raise_for_status()
    headers = {"Authorization": f"Bearer {ground.token()}"}
    with httpx.Client(base_url=base, headers=headers) as client:
        for _ in range(INVOICES):
            client.post("/v1/billing/invoices", json=NEW_INVOICE).raise_for_status()
    run_sql(ground.postgres.address, "VACUUM ANALYZE")


def _cores() -> tuple[int | None, tuple[int, ...]]:
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], tuple(cores[1:])) if len(cores) > 1 else (None, tuple(cores))


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5)
            return
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{log.read_text()[-4000:]}") from None
            time.sleep(0.05)


def _installed(site: Path) -> Path:
    metadata = site / "sundial-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sundial\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hedgerow.contexts]\nsundial = benchmarks.contexts.sundial\n")
    return site


def as_json(body: object) -> str:
    """A body, as it goes over the wire."""
    return json.dumps(body, separators=(",", ":"))
