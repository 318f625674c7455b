"""The routes of this context behind their gate, without a host."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_core.application import Bus
from hedgerow_core.http import Gate, PipelineRoute, access_of
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import PermissionTable, TokenVerifier
from hedgerow_core.testing import FakeClock
from hedgerow_users import plugin
from hedgerow_users.container import UsersContainer


@pytest.fixture
async def http(container: UsersContainer, bus: Bus, clock: FakeClock) -> AsyncIterator[httpx.AsyncClient]:
    gate = Gate(
        TokenVerifier(plugin.authenticators(container), clock), PermissionTable(plugin.manifest().permissions)
    )
    app = FastAPI()
    install_problem_handlers(app)
    for router in plugin.routes(container, bus):
        for route in router.routes:
            assert isinstance(route, PipelineRoute)
            access = access_of(route.endpoint)
            assert access is not None, f"{route.path} states no access decision"
            route.stages = gate.stages_for(access)
            app.router.routes.append(route)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
