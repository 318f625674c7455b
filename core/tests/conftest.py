"""Two small contexts on one real database: `shop` publishes, `books` subscribes."""

from collections.abc import AsyncIterator

import pytest

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import context_database


@pytest.fixture
async def shop(fresh_database: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(fresh_database, "shop") as database:
        yield database


@pytest.fixture
async def books(fresh_database: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(fresh_database, "books") as database:
        yield database
