"""Sends requests to whichever API says that it is ready, over connections that it keeps; tries nothing twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.faults.laboratory.front import KEPT_S
from tests.processes import NO_TLS, Process

PROBED_EVERY_S = 0.1
PROBE_WAITS_S = 2.0


@dataclass(slots=True, eq=False)
class Backend:
    """One API process, as its balancer sees it."""

    process: Process
    client: httpx.AsyncClient
    is_ready: bool = True
    draining_at: float | None = None
    """When it first said so."""
    gone_at: float | None = None
    """When nobody answered there any more."""


@dataclass(slots=True)
class Balancer:
    """Takes turns among those that are ready. `failed` says what went wrong: a cut connection or a 5xx."""

    backends: list[Backend] = field(default_factory=list)
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    _turn: count[int] = field(default_factory=count)

    def add(self, process: Process, port: int) -> Backend:
        """From now on, requests are sent there, too. It must be ready."""
        limits = httpx.Limits(max_connections=50, keepalive_expiry=KEPT_S)
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits, verify=NO_TLS)
        backend = Backend(process, client)
        self.backends.append(backend)
        return backend

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The answer; None if there was none."""
        ready = [backend for backend in self.backends if backend.is_ready]
        self.sent += 1
        if not ready:
            self.failed.append("nobody is ready")
            return None
        try:
            answer = await ready[next(self._turn) % len(ready)].client.request(method, path, **options)
        except httpx.TransportError as error:
            self.failed.append(type(error).__name__)
            return None
        if answer.is_server_error:
            self.failed.append(f"{answer.status_code} {answer.json()['detail']}")
        return answer

    @asynccontextmanager
    async def probing(self) -> AsyncIterator[None]:
        """Ask each backend whether it is ready, over and over, while the body runs."""
        task = asyncio.create_task(self._probe())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for backend in self.backends:
                await backend.client.aclose()

    async def _probe(self) -> None:
        async with httpx.AsyncClient(timeout=PROBE_WAITS_S, verify=NO_TLS) as prober:
            while True:
                await asyncio.gather(*(_look(prober, one) for one in self.backends if one.gone_at is None))
                await asyncio.sleep(PROBED_EVERY_S)


async def _look(prober: httpx.AsyncClient, backend: Backend) -> None:
    try:
        answer = await prober.get(f"{backend.client.base_url}/readyz")
    except httpx.ConnectError:
        backend.is_ready, backend.gone_at = False, time.monotonic()
        return
    except httpx.TransportError:
        return  # one that is busy: the next look tells
    backend.is_ready = answer.is_success
    if answer.json()["status"] == "draining" and backend.draining_at is None:
        backend.draining_at = time.monotonic()
