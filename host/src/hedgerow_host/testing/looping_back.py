"""The wire in one process: a host whose contexts ask each other through its own routes, with real tokens and keys.

Only the sockets are left out. What differs between two placements of a context shows here, in the time of any test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextvars import Context
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from hedgerow_core.domain import Clock
from hedgerow_host.settings import Environment, HostSettings, Remote
from hedgerow_host.testing.callers import BASE_URL
from hedgerow_host.wire import Remotes, remotes_of


class LoopingBack(httpx.AsyncBaseTransport):
    """Brings every request to `app`, which is set once there is one: in a task of its own, as a server does."""

    app: ASGIApp

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer it. Nothing that belongs to the asker's task, such as its cause, is there on the other side."""
        answering = httpx.ASGITransport(self.app, raise_app_exceptions=False).handle_async_request(request)
        return await asyncio.create_task(answering, context=Context())


def remotes_in_a_loop(contexts: Collection[str], *, clock: Clock, data_dir: Path) -> tuple[Remotes, LoopingBack]:
    """Remotes by which all these contexts seem to live on another host, which is this one."""
    settings = HostSettings.model_construct(
        environment=Environment.DEV, data_dir=data_dir, remotes={name: Remote(url=BASE_URL) for name in contexts}
    )
    wire = LoopingBack()
    return remotes_of(settings, clock=clock, transports=dict.fromkeys(contexts, wire)), wire
