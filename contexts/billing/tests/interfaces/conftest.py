"""The routes of billing, mounted by hand, without a host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request

from hedgerow_billing import plugin
from hedgerow_billing.container import BillingContainer
from hedgerow_core.application import Bus
from hedgerow_core.http import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import Principal

JSON = {"content-type": "application/json"}
DRAFT: dict[str, Any] = {"currency": "EUR", "lines": [{"description": "Hedge", "quantity": 2, "unit_price": 1999}]}


@pytest.fixture
async def http(bus: Bus, container: BillingContainer, customer: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(served(bus, container), customer) as client:
        yield client


def served(bus: Bus, container: BillingContainer) -> FastAPI:
    """The application with these routes alone. It believes whoever says who they are."""

    async def authenticate(request: Request) -> None:
        subject = UUID(request.headers["x-subject"])
        request.state.principal = Principal(subject=subject, session=None, roles=frozenset({"user"}))

    app = FastAPI()
    install_problem_handlers(app)
    for router in plugin.routes(container, bus):
        for route in router.routes:
            assert isinstance(route, PipelineRoute)
            route.stages = (authenticate,)
            app.router.routes.append(route)
    return app


def client_of(app: FastAPI, customer: UUID) -> httpx.AsyncClient:
    headers = {**JSON, "x-subject": str(customer)}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/v1/billing", headers=headers)
