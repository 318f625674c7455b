"""Users and billing, served over gRPC in the test's process, and called over a real channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import pytest_asyncio

from hedgerow_host.grpc_beside import grpc_server
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.testing import HostApp, HostAppFactory
from hedgerow_host.watch import Watch


@asynccontextmanager
async def served(host: HostApp, **settings: object) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to what the host serves over gRPC with these settings."""
    server = grpc_server(
        HostSettings(grpc_port=0, **settings),  # type: ignore[arg-type]
        host.assembly,
        Readiness(host.assembly, Watch(host.assembly)),
    )
    await server.bind()
    async with server.serving(), grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


@pytest_asyncio.fixture
async def host(host_app: HostAppFactory) -> AsyncIterator[HostApp]:
    async with host_app(("users", "billing"), "standalone") as host:
        yield host


@pytest_asyncio.fixture
async def channel(host: HostApp) -> AsyncIterator[grpc.aio.Channel]:
    async with served(host) as channel:
        yield channel
