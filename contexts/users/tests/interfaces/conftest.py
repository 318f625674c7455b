"""The routes of this context behind their gate, without a host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_core.application import Bus
from hedgerow_core.http import CookieMode, Gate, PipelineRoute, access_of
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import KeyAuthority, PermissionTable, TokenIssuer, TokenVerifier, scope_of_route
from hedgerow_core.testing import FakeClock
from hedgerow_users import plugin
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.email import Email
from hedgerow_users.interfaces.schemas import AccountAnswer

PASSWORD = "correct horse"
ADA, BOSS = "ada@example.org", "boss@example.org"

Rows = Callable[..., Awaitable[Any]]


@pytest.fixture
async def http(container: UsersContainer, bus: Bus, clock: FakeClock) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(served(container, bus, clock)) as client:
        yield client


def served(container: UsersContainer, bus: Bus, clock: FakeClock) -> FastAPI:
    """The application with these routes alone."""
    declared = plugin.authenticators(container)
    gate = Gate(
        TokenVerifier([one for one in declared if isinstance(one, TokenIssuer)], clock),
        PermissionTable(plugin.manifest().permissions),
        keys=[one for one in declared if isinstance(one, KeyAuthority)],
        cookies=[one for one in declared if isinstance(one, CookieMode)],
    )
    app = FastAPI()
    install_problem_handlers(app)
    for router in plugin.routes(container, bus):
        for route in router.routes:
            assert isinstance(route, PipelineRoute)
            access = access_of(route.endpoint)
            assert access is not None, f"{route.path} states no access decision"
            route.stages = gate.stages_for(access, scope=scope_of_route("users", route.methods or ()))
            app.router.routes.append(route)
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.fixture
async def ada(http: httpx.AsyncClient, container: UsersContainer) -> dict[str, Any]:
    return await registered_ada(http, container)


async def registered_ada(http: httpx.AsyncClient, container: UsersContainer) -> dict[str, Any]:
    """Ada's account, as routes show it."""
    await http.post("/v1/users/register", json={"email": ADA, "password": PASSWORD, "name": "Ada"})
    known = await container.accounts().credentials_of_email(Email.written(ADA))
    assert known is not None
    view = await container.accounts().view(known.account_id)
    assert view is not None
    return AccountAnswer.of(view).model_dump(mode="json")


@pytest.fixture
async def boss(http: httpx.AsyncClient, rows: Rows) -> dict[str, str]:
    return await promoted_boss(http, rows)


async def promoted_boss(http: httpx.AsyncClient, rows: Rows) -> dict[str, str]:
    """The headers of a super_admin."""
    await http.post("/v1/users/register", json={"email": BOSS, "password": PASSWORD, "name": "Boss"})
    await rows("UPDATE accounts SET roles = ARRAY['super_admin'] WHERE email = :email", email=BOSS)
    return await authorization(http, BOSS)


@pytest.fixture
async def adas(http: httpx.AsyncClient, ada: dict[str, Any]) -> dict[str, str]:
    """The headers of Ada."""
    return await authorization(http, ADA)


async def authorization(http: httpx.AsyncClient, email: str) -> dict[str, str]:
    answer = await http.post("/v1/users/login", json={"email": email, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
