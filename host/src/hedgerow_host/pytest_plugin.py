"""The pytest fixtures for who tests a context inside a host; the servers behind them come from hedgerow-core.

Outside of `hedgerow_host.testing`, and importing the host only when a fixture is asked for: pytest loads this file
in every run, and most runs host nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Generator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from hedgerow_core.testing import Crossings, FakeClock, MigratedDatabases
    from hedgerow_host.testing import HostApp, HostAppFactory, Mode, Scenario

_WATCHED: pytest.StashKey[list[Crossings]] = pytest.StashKey()


@pytest.fixture
def host_app(
    request: pytest.FixtureRequest, migrated_databases: MigratedDatabases, clock: FakeClock, tmp_path: Path
) -> HostAppFactory:
    """Hosts contexts in this process, on a database of its own that is migrated, by the test's `clock`."""
    from hedgerow_host.testing.hosting import hosted

    watched = request.node.stash.setdefault(_WATCHED, [])

    @asynccontextmanager
    async def host_app(
        contexts: str | Collection[str] = (),
        mode: Mode = "direct",
        *,
        settings: Mapping[str, str] | None = None,
        over_the_wire: bool = False,
    ) -> AsyncIterator[HostApp]:
        names = [contexts] if isinstance(contexts, str) else contexts
        async with hosted(
            names,
            mode,
            databases=migrated_databases,
            clock=clock,
            data_dir=tmp_path,
            settings=settings or {},
            over_the_wire=over_the_wire,
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
    from hedgerow_host.testing import Scenario

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
        from hedgerow_core.testing import CrossedBoundaryError

        raise CrossedBoundaryError(found)
    return result
