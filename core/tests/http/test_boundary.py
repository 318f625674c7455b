"""What comes in is bounded in size, depth and time; what goes out tells browsers to frame and keep nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel, Field, SecretStr
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow_core.domain import new_id
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.http.json_bodies import MAX_DEPTH
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import Principal

JSON = {"content-type": "application/json"}


class Credentials(BaseModel):
    password: SecretStr = Field(min_length=8, max_length=12)


def app() -> FastAPI:
    router = ContextRouter("shop")

    @router.post("/echo")
    @public
    async def echo(body: dict[str, Any]) -> int:
        return len(body)

    @router.post("/log-in")
    @public
    async def log_in(body: Credentials) -> None: ...

    app = FastAPI()
    install_problem_handlers(app)
    for route in router.routes:
        assert isinstance(route, PipelineRoute)
        route.stages = ()
        app.router.routes.append(route)
    app.add_middleware(RequestBoundary, max_body_bytes=64 * 1024, body_within_s=0.2)
    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1/shop", headers=JSON) as client:
        yield client


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * (depth - 1) + "{}" + closing * (depth - 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (nested(MAX_DEPTH), 200),
        (nested(MAX_DEPTH + 1), 422),
        ('{"a":' + nested(MAX_DEPTH, "[", "]") + "}", 422),
        ('{"a":' + "[" * 30_000 + "]" * 30_000 + "}", 422),
        ('{"a":"' + "[" * 1000 + '"}', 200),
        ('{"a":[' + "{}," * 1000 + "{}]}", 200),
        ('{"a":' * 10_000, 422),
    ],
)
async def test_json_is_as_deep_as_allowed_and_no_deeper(body: str, status: int, http: httpx.AsyncClient) -> None:
    answer = await http.post("/echo", content=body)

    assert answer.status_code == status
    if status == 422:
        assert answer.json()["code"] == "validation_failed"
        assert answer.json()["errors"][0]["field"] == "body"


async def test_what_is_too_deep_is_said_to_be(http: httpx.AsyncClient) -> None:
    answer = await http.post("/echo", content=nested(MAX_DEPTH + 1))

    assert answer.json()["errors"][0]["message"] == "JSON decode error: nested deeper than 32 levels"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
async def test_who_forgets_to_say_that_it_is_json_is_told_the_header(kind: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/echo", content='{"a": 1}', headers={"content-type": kind})

    assert answer.status_code == 422
    assert "`Content-Type: application/json`" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", ["[]", ""])
async def test_who_says_that_it_is_json_is_told_what_is_wrong_with_it(body: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/echo", content=body)

    assert answer.status_code == 422
    assert "Content-Type" not in answer.text


@pytest.mark.parametrize(("secret", "most"), [("y" * 7, "at least 8"), ("x" * 13, "at most 12")])
async def test_a_secret_of_the_wrong_length_is_told_in_characters(
    secret: str, most: str, http: httpx.AsyncClient
) -> None:
    answer = await http.post("/log-in", json={"password": secret})

    (error,) = answer.json()["errors"]
    assert error["message"] == f"Should have {most} characters"
    assert secret not in answer.text


async def test_a_body_that_takes_too_long_is_a_408(http: httpx.AsyncClient) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        for _ in range(100):
            await asyncio.sleep(0.05)
            yield b" "

    async def in_time() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.05)
        yield b"}"

    refused = await http.post("/echo", content=slow())
    taken = await http.post("/echo", content=in_time())

    assert (refused.status_code, refused.json()["code"]) == (408, "body_too_slow")
    assert refused.headers["connection"] == "close"
    assert (taken.status_code, taken.json()) == (200, 0)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_a_413_whether_announced_or_not(
    announced: bool, http: httpx.AsyncClient
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    answer = await http.post("/echo", content=b" " * 100 * 1024 if announced else chunks())

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def headers_of(answer: ASGIApp, url: str = "http://test/") -> httpx.Headers:
    transport = httpx.ASGITransport(RequestBoundary(answer))
    async with httpx.AsyncClient(transport=transport) as client:
        return (await client.get(url)).headers


async def test_data_loads_nothing_and_is_framed_nowhere() -> None:
    headers = await headers_of(PlainTextResponse("{}", media_type="application/json"))

    assert set(headers["content-security-policy"].split("; ")) == {
        *("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "sandbox")
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "strict-transport-security" not in headers


async def test_a_page_may_load_what_it_needs_and_is_framed_nowhere() -> None:
    headers = await headers_of(HTMLResponse("<p>"))

    assert headers["content-security-policy"] == "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


async def test_over_https_it_says_to_stay_there() -> None:
    headers = await headers_of(PlainTextResponse("{}"), "https://test/")

    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


async def test_what_an_answer_says_itself_stands() -> None:
    headers = await headers_of(HTMLResponse("<p>", headers={"Content-Security-Policy": "default-src 'self'"}))

    assert headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert headers["x-content-type-options"] == "nosniff"


def told_who_asks(answer: ASGIApp) -> ASGIApp:
    """What authentication does, in front of an answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["principal"] = Principal(subject=new_id(), session=None, roles=frozenset())
        await answer(scope, receive, send)

    return app


async def test_what_one_caller_gets_is_kept_by_no_cache_and_what_everybody_gets_may_be() -> None:
    for status in (200, 304, 404):
        headers = await headers_of(told_who_asks(PlainTextResponse("{}", status, headers={"ETag": '"3"'})))
        assert headers.get_list("cache-control") == ["no-store"], status
    assert "cache-control" not in await headers_of(PlainTextResponse("{}"))


async def test_a_route_that_says_itself_how_long_it_may_be_kept_is_believed() -> None:
    headers = await headers_of(told_who_asks(PlainTextResponse("{}", headers={"Cache-Control": "private"})))

    assert headers.get_list("cache-control") == ["private"]


def requests_in(logged: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in logged if line["event"] == "request"]


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
async def test_the_line_of_a_request_says_who_asked_and_from_which_neighbourhood(host: str, network: str) -> None:
    transport = httpx.ASGITransport(RequestBoundary(told_who_asks(PlainTextResponse("{}"))), client=(host, 1))
    with structlog.testing.capture_logs() as logged:
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get("http://test/")

    (line,) = requests_in(logged)
    assert (line["network"], UUID(line["subject"]).version) == (network, 7)
    assert host not in str(line)


async def test_of_a_stranger_without_an_address_it_says_nothing() -> None:
    transport = httpx.ASGITransport(RequestBoundary(PlainTextResponse("{}")), client=("unix", 1))
    with structlog.testing.capture_logs() as logged:
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get("http://test/")

    (line,) = requests_in(logged)
    assert not {"subject", "network"} & line.keys()


@pytest.mark.parametrize(("error", "failures"), [(ClientDisconnect(), 0), (RuntimeError("broken"), 1)])
async def test_who_hangs_up_over_a_body_is_no_error_of_ours(error: Exception, failures: int) -> None:
    async def reading(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "scheme": "http", "method": "POST", "path": "/hook", "headers": [], "client": None}
    with structlog.testing.capture_logs() as logged:
        await RequestBoundary(reading)(scope, gone, send)

    assert len([line for line in logged if line["log_level"] == "error"]) == failures
    assert bool(sent) == bool(failures)
    (line,) = requests_in(logged)
    assert line["status"] == (500 if failures else 0)


@pytest.mark.parametrize(
    ("path", "status", "lines"),
    [
        ("/livez", 200, 0),
        ("/readyz", 503, 0),
        ("/_identity/users/news", 200, 0),
        ("/_identity/users/news", 401, 1),
        ("/_identity", 200, 1),
        ("/v1/users/me", 200, 1),
    ],
)
async def test_what_machines_ask_all_the_time_is_not_told_unless_something_is_wrong(
    path: str, status: int, lines: int
) -> None:
    transport = httpx.ASGITransport(RequestBoundary(PlainTextResponse("{}", status)))
    with structlog.testing.capture_logs() as logged:
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(f"http://test{path}")

    assert len(requests_in(logged)) == lines
