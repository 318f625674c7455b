"""The switchboard finds the route that trying all of them in their order finds, also after routes have gone."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hedgerow_core.http import ContextRouter, PipelineRoute
from hedgerow_host.switchboard import Switchboard


def orchard() -> ContextRouter:
    router = ContextRouter("orchard")

    @router.get("/trees/{name}")
    async def tree(name: str) -> dict[str, str]:
        return {"tree": name}

    @router.get("/trees/oldest")  # in the shadow of the one before
    async def oldest() -> dict[str, str]:
        return {"oldest": ""}

    @router.get("/hedge")
    async def hedge() -> dict[str, str]:
        return {"hedge": "get"}

    @router.post("/hedge")
    async def grow() -> dict[str, str]:
        return {"hedge": "post"}

    @router.get("/hedge/{number}/gate")
    async def gate(number: int) -> dict[str, int]:
        return {"gate": number}

    return router


def both() -> tuple[FastAPI, TestClient, TestClient]:
    app = FastAPI()
    for route in orchard().routes:
        assert isinstance(route, PipelineRoute)
        route.stages = ()
        app.router.routes.append(route)

    async def catch_all(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("somewhere else")

    app.router.routes.append(Route("/v1/meadow/{rest:path}", catch_all))
    return app, TestClient(app), TestClient(Switchboard(app.router, app))


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PATCH"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/orchard/trees/elm",
        "/v1/orchard/trees/oldest",
        "/v1/orchard/trees/",
        "/v1/orchard/trees/a/b",
        "/v1/orchard/hedge",
        "/v1/orchard/hedge/",
        "/v1/orchard/hedge/7/gate",
        "/v1/orchard/hedge/x/gate",
        "/v1/orchard//gate",
        "/v1/meadow/anything/at/all",
        "/v1/{name}/hedge",
        "/",
        "//",
    ],
)
def test_it_finds_what_trying_all_routes_finds(method: str, path: str) -> None:
    _app, all_of_them, switched = both()
    for _ in range(2):  # the second time, what was found is known
        theirs, ours = all_of_them.request(method, path), switched.request(method, path)
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)


def test_a_route_that_has_gone_is_not_found_again() -> None:
    app, _all, switched = both()
    assert switched.get("/v1/orchard/hedge").json() == {"hedge": "get"}
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "name", "") != "hedge"]

    assert switched.get("/v1/orchard/hedge").status_code == 405


def test_a_context_that_says_that_it_is_out_is_asked_from_then_on() -> None:
    app, _all, switched = both()
    assert switched.get("/v1/orchard/hedge").status_code == 200
    count = len(app.router.routes)

    async def out(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("out", 503)

    app.router.routes[:] = [Route("/v1/orchard/{rest:path}", out, name=str(n)) for n in range(count)]

    assert switched.get("/v1/orchard/hedge").status_code == 503
