"""One host for all tests of a file: each has customers of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contexts.webhooks.tests.conftest import LOCAL
from hedgerow_core.testing import FakeClock, MigratedDatabases
from hedgerow_host.testing import HostApp, Scenario
from hedgerow_host.testing.hosting import hosted


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(
    migrated_databases: MigratedDatabases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HostApp]:
    async with hosted(
        ["webhooks"],
        "standalone",
        databases=migrated_databases,
        clock=FakeClock(),
        data_dir=tmp_path_factory.mktemp("webhooks"),
        settings=LOCAL,
    ) as host:
        await Scenario(host).quiet()
        yield host
