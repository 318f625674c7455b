"""Every route for other hosts asks who calls, and takes nobody's word but that of a remote's own key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hedgerow_core.wire import KEYS_PATH
from hedgerow_host.catalog import compose
from hedgerow_host.settings import HostSettings
from hedgerow_host.testing import HostApp, HostAppFactory
from hedgerow_host.testing.callers import BASE_URL
from hedgerow_host.wire.routes import wire_routes
from host.tests.test_published_queries import ORCHARD, PRESS

Install = Callable[..., None]

PARAMETERS = {"context": "orchard", "query": "orchard.get_tree", "version:int": "1"}
"""With what the paths of these routes are filled. A new parameter is written down here."""


@pytest.fixture
async def host(install: Install, host_app: HostAppFactory) -> AsyncIterator[HostApp]:
    install("orchard", ORCHARD)
    install("press", PRESS)
    async with host_app(["orchard", "press"], over_the_wire=True) as host:
        yield host


def requests_of(routes: Iterable[Route]) -> list[tuple[str, str]]:
    """Method and path of each, but for the public keys."""
    found = []
    for route in routes:
        path = route.path
        for name, value in PARAMETERS.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, f"say in PARAMETERS how to fill {path}"
        found += [(method, path) for method in sorted(route.methods or ()) if path != KEYS_PATH]
    return found


def token_of(host: HostApp, asker: str, publisher: str) -> str:
    """What a host sends that hosts `asker`, to the one that it takes for the host of `publisher`."""
    token: str = host.assembly.peers[publisher]._tokens.token(asker, publisher)
    return token


async def open_to(host: HostApp, routes: Sequence[Route], headers: dict[str, str]) -> list[str]:
    """The routes that do not refuse who sends these headers."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(host.app), base_url=BASE_URL, headers=headers)
    async with client:
        answers = [await client.request(method, path) for method, path in requests_of(routes)]
    return [
        answer.request.url.path
        for answer in answers
        if answer.status_code != 401
        or (answer.request.method != "HEAD" and answer.json()["code"] != "invalid_service_token")
    ]


async def test_a_remote_passes_everywhere_and_nobody_else_anywhere(host: HostApp) -> None:
    routes = wire_routes(host.assembly)
    everywhere = [path for _method, path in requests_of(routes)]
    assert len(everywhere) >= 2, "the search is blind"

    assert await open_to(host, routes, bearer(token_of(host, "press", "orchard"))) == everywhere
    users = host.doorkeeper.token(host.someone("super_admin").principal)
    for stranger in ({}, bearer(users), bearer(token_of(host, "press", "press")), bearer("")):
        assert await open_to(host, routes, stranger) == []


async def test_a_route_that_asks_nobody_is_noticed(host: HostApp) -> None:
    async def careless(_request: Request) -> Response:
        return Response("the secret of the orchard")

    route = Route("/_careless/{context}", careless)
    host.app.router.routes.append(route)

    assert await open_to(host, [route], {}) == ["/_careless/orchard"] * 2


def test_without_remotes_there_is_no_such_route(install: Install) -> None:
    install("orchard", ORCHARD)
    assembly, _routes = compose(HostSettings(contexts=("orchard",)))

    assert list(wire_routes(assembly)) == []


async def test_with_remotes_none_is_in_the_document(host: HostApp) -> None:
    assert [path for path in host.app.openapi()["paths"] if path.startswith("/_")] == []


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
