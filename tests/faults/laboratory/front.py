"""Real API processes of users and billing behind one database, which mutants may break, and callers of theirs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from hedgerow_core.testing.servers import free_port
from tests.conftest import Production
from tests.faults.laboratory.supervisor import Supervisor
from tests.processes import NO_TLS, Process
from tests.story import expect

ROOT = Path(__file__).parents[3]
"""Where the laboratory itself is imported from."""
PASSWORD = "correct horse battery staple"
POLL_S = 0.01
KEPT_S = 1.0
"""Shorter than a server keeps an idle connection: otherwise a call may meet its end."""


@dataclass(frozen=True, slots=True)
class Node:
    """One API process, and a client of it."""

    process: Process
    client: httpx.AsyncClient
    port: int


@asynccontextmanager
async def serving(production: Production, nodes: int = 1, **settings: str) -> AsyncIterator[list[Node]]:
    """So many API processes on the production's database. `settings` go into their environment."""
    async with AsyncExitStack() as stack:
        environment = {**production.environment, "PYTHONPATH": str(ROOT)}
        supervisor = stack.enter_context(Supervisor(production.folder, environment))
        started = []
        for _ in range(nodes):
            port = free_port()
            process = await supervisor.api(port, **settings)
            limits = httpx.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=KEPT_S)
            client = httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits, verify=NO_TLS
            )
            started.append(Node(process, await stack.enter_async_context(client), port))
        yield started


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account, who is logged in."""

    email: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """What proves who they are."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


async def member(client: httpx.AsyncClient) -> Member:
    """Register somebody new and log in."""
    email = f"ann-{uuid4().hex[:12]}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Ann Example"}
    answer = await client.post("/v1/users/register", json=body)
    assert answer.is_success, answer.text
    return Member(email, await log_in(client, email))


async def log_in(client: httpx.AsyncClient, email: str, **headers: str) -> dict[str, Any]:
    """Tokens of another session."""
    body = {"email": email, "password": PASSWORD}
    return expect(await client.post("/v1/users/login", json=body, headers=headers), 200)


async def refused_after_s(nodes: Sequence[Node], path: str, headers: dict[str, str], within_s: float) -> float:
    """How long it takes until every node refuses this; `inf` if one still doesn't after `within_s`."""
    started = time.monotonic()
    for node in nodes:
        while (await node.client.get(path, headers=headers)).is_success:
            if time.monotonic() - started > within_s:
                return float("inf")
            await asyncio.sleep(POLL_S)
    return time.monotonic() - started


def told(answers: Counter[int]) -> str:
    """How often which status was answered."""
    return ", ".join(f"{count} of {status}" for status, count in sorted(answers.items()))


async def steadily(call: Callable[[], Any], *, per_second: float, seconds: float) -> list[float]:
    """Call at a steady pace, whatever the answers take; how long each took, in seconds."""
    began, calls = time.monotonic(), []

    async def one() -> float:
        started = time.monotonic()
        await call()
        return time.monotonic() - started

    for tick in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, began + tick / per_second - time.monotonic()))
        calls.append(asyncio.create_task(one()))
    return list(await asyncio.gather(*calls))
