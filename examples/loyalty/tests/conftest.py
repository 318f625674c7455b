"""Loyalty in a host: alone, beside billing, and among all that is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hedgerow_host.testing import HostApp, HostAppFactory, Person


@pytest.fixture(params=["standalone", "direct", "all"])
async def host(host_app: HostAppFactory, request: pytest.FixtureRequest) -> AsyncIterator[HostApp]:
    async with host_app("loyalty", request.param) as host:
        yield host


@pytest.fixture
def ann(host: HostApp) -> Person:
    """Somebody who has logged in."""
    return host.someone()
