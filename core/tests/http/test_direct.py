"""A route that answers by itself answers as FastAPI would have, and leaves to FastAPI what is unusual."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Form, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from hedgerow_core.http import ContextRouter, PipelineRoute, as_it_is, unlike_its_model
from hedgerow_core.http.direct import direct_answer
from hedgerow_core.http.pipeline import SPANS
from hedgerow_core.http.problems import install_problem_handlers


class Tree(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(min_length=2, description="For people.")
    planted_at: datetime
    apples: list[int] = []


@dataclass(frozen=True, slots=True)
class TreeView:
    name: str
    planted_at: datetime
    apples: list[int]


@dataclass(frozen=True, slots=True)
class BareView:
    name: str
    planted_at: datetime


class NewTree(BaseModel):
    name: str = Field(min_length=2)
    apples: list[int] = []


async def a_season(season: Annotated[str, Query(pattern="^(spring|autumn)$")] = "spring") -> str:
    return season


async def a_gardener(season: Annotated[str, Depends(a_season)], x_gardener: Annotated[int, Header()] = 1) -> str:
    return f"{season}/{x_gardener}"


AT = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def orchard() -> ContextRouter:
    router = ContextRouter("orchard")

    @router.get("/trees/{number}", response_model=Tree)
    async def tree(number: int, gardener: Annotated[str, Depends(a_gardener)], response: Response) -> TreeView:
        response.headers["ETag"] = f'"{number}"'
        return TreeView(f"{gardener}/{number}", AT, [number])

    @router.post("/trees", status_code=HTTPStatus.CREATED, response_model=Tree)
    @as_it_is
    async def plant(body: NewTree, response: Response, request: Request) -> TreeView:
        response.set_cookie("planted", request.headers.get("x-gardener", "nobody"))
        return TreeView(body.name, AT, body.apples)

    @router.put("/trees", response_model=Tree)
    async def maybe(response: Response, body: NewTree | None = None) -> TreeView:
        response.status_code = HTTPStatus.ACCEPTED
        return TreeView(body.name if body else "nothing", AT, [])

    @router.patch("/trees", response_model=Tree)
    async def fell(response: Response) -> TreeView:
        response.status_code = HTTPStatus.NO_CONTENT
        response.headers["X-Why"] = "felled"
        return TreeView("gone", AT, [])

    @router.get("/raw", response_model=Tree)
    async def raw() -> Response:
        return Response("as it came", media_type="text/plain")

    return router


def application(*, spans: bool) -> httpx.AsyncClient:
    """Either way: where somebody records spans, FastAPI answers."""
    app = FastAPI()
    install_problem_handlers(app)
    for route in orchard().routes:
        assert isinstance(route, PipelineRoute)
        assert route.is_direct
        route.stages = ()
        app.router.routes.append(route)

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, **({SPANS: object()} if spans else {})}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(told), base_url="http://test")


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "/v1/orchard/trees/7", {}),
        ("GET", "/v1/orchard/trees/7?season=autumn", {"headers": {"x-gardener": "3"}}),
        ("GET", "/v1/orchard/trees/x?season=winter", {"headers": {"x-gardener": "y"}}),
        ("POST", "/v1/orchard/trees", {"json": {"name": "Elm", "apples": [1, 2]}, "headers": {"x-gardener": "a"}}),
        ("POST", "/v1/orchard/trees", {"json": {"name": "E", "apples": ["x"]}}),
        ("POST", "/v1/orchard/trees", {}),
        ("POST", "/v1/orchard/trees", {"content": b"{", "headers": JSON}),
        ("POST", "/v1/orchard/trees", {"content": b'{"name": "\xff"}', "headers": JSON}),
        ("POST", "/v1/orchard/trees", {"content": b'{"name": "Elm"}', "headers": {"content-type": "text/plain"}}),
        ("POST", "/v1/orchard/trees", {"content": b'{"name": "Elm"}'}),
        (
            "POST",
            "/v1/orchard/trees",
            {"content": b'{"name": "Elm"}', "headers": {"content-type": "application/x+json"}},
        ),
        ("POST", "/v1/orchard/trees", {"content": b"[" * 40 + b"]" * 40, "headers": JSON}),
        ("PUT", "/v1/orchard/trees", {}),
        ("PUT", "/v1/orchard/trees", {"json": {"name": "Elm"}}),
        ("GET", "/v1/orchard/raw", {}),
        ("DELETE", "/v1/orchard/trees", {}),
    ],
)
async def test_it_answers_as_fastapi_would(method: str, path: str, sent: dict[str, Any]) -> None:
    answers = []
    for spans in (True, False):
        async with application(spans=spans) as client:
            answers.append(await client.request(method, path, **sent))
    theirs, ours = answers

    assert ours.status_code == theirs.status_code
    assert sorted(ours.headers.multi_items()) == sorted(theirs.headers.multi_items())
    assert ours.content == theirs.content


async def test_a_status_that_has_no_body_gets_none_whatever_the_endpoint_returns() -> None:
    async with application(spans=False) as client:
        answer = await client.request("PATCH", "/v1/orchard/trees")

    assert (answer.status_code, answer.content) == (HTTPStatus.NO_CONTENT, b"")
    assert "content-length" not in answer.headers
    assert answer.headers["x-why"] == "felled"


async def opened() -> AsyncIterator[str]:
    yield "x"


def unusual(router: APIRouter) -> None:
    @router.get("/sync", response_model=Tree)
    def sync() -> TreeView:
        return TreeView("sync", AT, [])

    @router.get("/generator", response_model=Tree)
    async def generator(name: Annotated[str, Depends(opened)]) -> TreeView:
        return TreeView(name, AT, [])

    @router.post("/form", response_model=Tree)
    async def form(name: Annotated[str, Form()]) -> TreeView:
        return TreeView(name, AT, [])

    @router.get("/background", response_model=Tree)
    async def background(tasks: BackgroundTasks) -> TreeView:
        return TreeView("x", AT, [])

    @router.get("/partly", response_model=Tree, response_model_exclude={"apples"})
    async def partly() -> TreeView:
        return TreeView("x", AT, [])

    @router.get("/twice", response_model=Tree)
    async def twice(one: Annotated[str, Depends(a_season)], two: Annotated[str, Depends(a_season)]) -> TreeView:
        return TreeView(one + two, AT, [])

    @router.delete("/nothing", status_code=HTTPStatus.NO_CONTENT)
    async def nothing() -> None: ...


def test_what_is_unusual_is_left_to_fastapi() -> None:
    router = ContextRouter("orchard")
    unusual(router)
    routes = [route for route in router.routes if isinstance(route, PipelineRoute)]

    assert len(routes) == 7
    assert [route.name for route in routes if route.is_direct or direct_answer(route)] == []


def test_a_view_that_is_unlike_its_model_is_found() -> None:
    router = ContextRouter("orchard")

    @router.get("/alike", response_model=Tree)
    @as_it_is
    async def alike() -> TreeView:
        return TreeView("x", AT, [])

    @router.get("/unlike", response_model=Tree)
    @as_it_is
    async def unlike() -> BareView:
        return BareView("x", AT)

    found = {route.name: unlike_its_model(route) for route in router.routes if isinstance(route, PipelineRoute)}
    assert found["unlike"] is not None
    assert "apples" in found["unlike"]
    assert found["alike"] is None, found["alike"]
