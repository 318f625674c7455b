"""The document of the API tells of what is served now: rendered once, and anew when a context has to leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_host.api import create_app
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import compose
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.watch import Watch

Install = Callable[..., None]
ROUTES = """
    @hookimpl
    def routes(container, bus):
        router = ContextRouter(container.core.context())

        @router.get("/grow")
        @public
        async def grow() -> None: ...

        return [router]
"""


@pytest.fixture
def host(install: Install) -> tuple[Assembly, FastAPI]:
    """A host of `rose` and `weed`, which it can do without."""
    install("rose", ROUTES)
    install("weed", ROUTES)
    settings = HostSettings(contexts=("rose", "weed"), optional_contexts=("weed",))
    assembly, routes = compose(settings)
    readiness = Readiness(assembly, Watch(assembly, settings.stale_after_s), None)
    return assembly, create_app(assembly, routes, readiness, settings=settings)


async def document(app: FastAPI) -> dict[str, Any]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/openapi.json")
        return dict(answer.json())


async def test_a_context_that_leaves_a_serving_host_leaves_its_document(host: tuple[Assembly, FastAPI]) -> None:
    assembly, app = host
    before = await document(app)

    weed = assembly.contexts[1].loaded.installed
    assembly.leave_out([weed.problem("has died", "mend it")], serving=True)
    after = await document(app)

    assert {"/v1/rose/grow", "/v1/weed/grow"} <= before["paths"].keys()
    assert after["paths"].keys() == before["paths"].keys() - {"/v1/weed/grow"}
    assert (before["info"]["description"], after["info"]["description"]) == ("Hosts rose, weed.", "Hosts rose.")


async def test_the_document_is_rendered_once_for_all_who_ask(
    host: tuple[Assembly, FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    _assembly, app = host
    first = await document(app)
    monkeypatch.setattr(app, "title", "a second rendering would say this")
    app.openapi_schema = None

    assert await document(app) == first
