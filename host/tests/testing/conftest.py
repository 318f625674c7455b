"""A host with `garden` alone; `market`, from which it hears, is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from hedgerow_host.testing import HostApp, HostAppFactory
from host.tests.testing.garden import GARDEN, SHED

Install = Callable[..., None]


@pytest.fixture
def garden(install: Install) -> None:
    install("garden", GARDEN, manifest=SHED)


@pytest.fixture
async def host(garden: None, host_app: HostAppFactory) -> AsyncIterator[HostApp]:
    async with host_app("garden", "standalone") as host:
        yield host
