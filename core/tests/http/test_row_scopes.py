"""A question reaches the caller's own rows, or everybody's if the caller holds what the route names for that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import Column, Integer, MetaData, Table, Uuid, select

from hedgerow_core.application import ALL_ROWS, RowScope
from hedgerow_core.domain import AuthenticationError
from hedgerow_core.http import ContextRouter, Gate, Rows, access_of, permitted
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.persistence import Scoped, parameters_of
from hedgerow_core.security import Permission, PermissionTable, Principal

ANN, BOB = UUID(int=1), UUID(int=2)
PERMISSIONS = PermissionTable(
    [Permission("shop:order:read", "user", "Look"), Permission("shop:order:read_any", "admin", "Look at all")]
)

orders = Table("orders", MetaData(), Column("owner", Uuid), Column("number", Integer))
ORDERS = Scoped(select(orders.c.number).order_by(orders.c.number), orders.c.owner)


class Verifier:
    """Believes a token that is a role, of Ann."""

    async def verify(self, token: str) -> Principal:
        if token not in ("user", "admin", "super_admin"):
            raise AuthenticationError("nobody")
        return Principal(subject=ANN, session=None, roles=frozenset({token}))


@pytest.fixture
async def http() -> AsyncIterator[AsyncClient]:
    router = ContextRouter("shop")

    @router.get("/orders")
    @permitted("shop:order:read", all_rows="shop:order:read_any")
    async def list_orders(rows: Rows) -> str:
        return str(rows.owner)

    @router.get("/own")
    @permitted("shop:order:read")
    async def list_own(rows: Rows) -> str:
        return str(rows.owner)

    app = FastAPI()
    install_problem_handlers(app)
    gate = Gate(Verifier(), PERMISSIONS)  # type: ignore[arg-type]
    for route in router.routes:
        access = access_of(route.endpoint)  # type: ignore[attr-defined]
        assert access is not None
        route.stages = gate.stages_for(access)  # type: ignore[attr-defined]
        app.router.routes.append(route)
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "role", "owner"),
    [
        ("/orders", "user", str(ANN)),
        ("/orders", "admin", "None"),
        ("/orders", "super_admin", "None"),
        ("/own", "super_admin", str(ANN)),
    ],
)
async def test_the_scope_follows_the_callers_permission(
    http: AsyncClient, path: str, role: str, owner: str
) -> None:
    answer = await http.get(f"/v1/shop{path}", headers={"Authorization": f"Bearer {role}"})
    assert (answer.status_code, answer.json()) == (200, owner)


def test_the_access_decision_shows_both_permissions() -> None:
    @permitted("shop:order:read", all_rows="shop:order:read_any")
    async def endpoint() -> None: ...

    assert str(access_of(endpoint)) == "shop:order:read, shop:order:read_any"


def test_a_scoped_statement_has_a_condition_for_one_owner_and_none_for_all() -> None:
    seen = {scope: str(ORDERS.within(scope)) for scope in (RowScope(ANN), ALL_ROWS)}
    assert "owner = :row_owner" in seen[RowScope(ANN)]
    assert "row_owner" not in seen[ALL_ROWS]
    assert (parameters_of(RowScope(BOB)), parameters_of(ALL_ROWS)) == ({"row_owner": BOB}, {})
