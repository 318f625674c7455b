"""The pytest fixtures for who tests a context inside a host; the servers behind them come from hedgerow-core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from hedgerow_core.testing import CrossedBoundaryError, Crossings, FakeClock, MigratedDatabases
from hedgerow_host.testing.choosing import Mode
from hedgerow_host.testing.hosting import HostApp, hosted
from hedgerow_host.testing.scenario import Scenario

_WATCHED = pytest.StashKey[list[Crossings]]()


class HostAppFactory(Protocol):
    """What the fixture `host_app` is."""

    def __call__(
        self,
        contexts: str | Collection[str] = (),
        mode: Mode = "direct",
        *,
        settings: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[HostApp]:
        """`async with host_app("billing", "standalone", settings={"BILLING_…": "…"}) as host:`."""
        ...


@pytest.fixture
def host_app(
    request: pytest.FixtureRequest, migrated_databases: MigratedDatabases, clock: FakeClock, tmp_path: Path
) -> HostAppFactory:
    """Hosts contexts in this process, on a database of its own that is migrated, by the test's `clock`."""
    watched = request.node.stash.setdefault(_WATCHED, [])

    @asynccontextmanager
    async def host_app(
        contexts: str | Collection[str] = (),
        mode: Mode = "direct",
        *,
        settings: Mapping[str, str] | None = None,
    ) -> AsyncIterator[HostApp]:
        names = [contexts] if isinstance(contexts, str) else contexts
        async with hosted(
            names,
            mode,
            databases=migrated_databases,
            clock=clock,
            data_dir=tmp_path,
            settings=settings or {},
        ) as host:
            watched.append(host.crossings)
            yield host

    return host_app


@pytest_asyncio.fixture
async def host(host_app: HostAppFactory) -> AsyncIterator[HostApp]:
    """Every installed context. A context's own tests say in a fixture of this name what they host."""
    async with host_app(mode="all") as host:
        yield host


@pytest.fixture
def scenario(host: HostApp) -> Scenario:
    """Tells a story against `host`."""
    return Scenario(host)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test in which one transaction has touched two contexts fails, whatever it asserts.

    Raises:
        CrossedBoundaryError: names them.
    """
    result = yield
    found = [what for crossings in item.stash.get(_WATCHED, []) for what in crossings.found]
    if found:
        raise CrossedBoundaryError(found)
    return result
