"""Contexts of one process that ask each other as if each lived on another host: nothing else may differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hedgerow_core.application import Cause, caused_by, current_cause
from hedgerow_core.application.questions import QueryTooSlow
from hedgerow_core.domain import DomainError
from hedgerow_host.testing import HostApp, HostAppFactory
from host.tests.test_published_queries import ORCHARD, PRESS

Install = Callable[..., None]

ANSWERS = '    return f"Tree {query.number}"'
IN_TIME = "from datetime import timedelta\n"
DAWDLES = "    if query.number == 5: await __import__('asyncio').sleep(30)\n"


@pytest.fixture(params=[False, True], ids=["called", "over the wire"])
async def host(
    install: Install, host_app: HostAppFactory, request: pytest.FixtureRequest
) -> AsyncIterator[HostApp]:
    install("orchard", ORCHARD.replace(ANSWERS, DAWDLES + ANSWERS))
    install("press", IN_TIME + PRESS.replace("as_=Tree),)", "as_=Tree, deadline=timedelta(seconds=2)),)"))
    async with host_app(["orchard", "press"], over_the_wire=request.param) as host:
        yield host


async def name_of_tree(host: HostApp, number: int) -> str:
    press = host.context("press")
    module: Any = press.loaded.module
    name: str = await press.bus.ask(module.NameOf(number=number))
    return name


async def test_an_answer_arrives(host: HostApp) -> None:
    assert await name_of_tree(host, 7) == "Tree 7"


async def test_an_error_arrives_with_its_kind(host: HostApp) -> None:
    with pytest.raises(DomainError) as none:
        await name_of_tree(host, 10)

    assert (type(none.value).__name__, none.value.code) == ("NotFoundError", "orchard.no_such_tree")


async def test_what_takes_too_long_is_given_up_in_time(host: HostApp) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(QueryTooSlow, match=r"within 2 s"):
        await name_of_tree(host, 5)

    assert loop.time() - started < 15
    assert await name_of_tree(host, 7) == "Tree 7"


async def test_the_cause_of_who_asks_stays_with_who_asks(host: HostApp) -> None:
    cause = Cause(actor="ann", correlation_id="1" * 32, request_id="r")
    with caused_by(cause):
        await name_of_tree(host, 7)
        assert current_cause() is cause


async def test_over_the_wire_the_routes_of_the_host_are_used(install: Install, host_app: HostAppFactory) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS)
    async with host_app(["orchard", "press"], over_the_wire=True) as host:
        seen: list[str] = []

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["path"])
            await host.app(scope, receive, send)

        peer: Any = host.assembly.peers["orchard"]
        peer._transport.app = watched
        await name_of_tree(host, 7)

    assert seen == ["/_ask/orchard.get_tree/1", "/_host/keys"]
