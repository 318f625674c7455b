"""So many requests run at once, some wait for a moment, the others are turned away with word when to come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from hedgerow_core.http.admission import IN_LINE_PER_PLACE, Admission
from hedgerow_core.http.shedding import PLACE, LoadShedding, Place

PLACES = 2
PATIENCE_S = 0.2
WAIT_S = 3.0
"""Of those that are served in the end, on a busy machine, too."""


def shedding(app: ASGIApp, *, at_once: int, **seconds: float) -> LoadShedding:
    return LoadShedding(app, admission=Admission(at_once=at_once, **seconds))


class Kitchen:
    """An application whose requests run until they are let go, and which counts them."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.served: list[str] = []
        self.done = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if scope["method"] == "POST":
                await receive()
            await self.done.wait()
        finally:
            self.running -= 1
        self.served.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})


@pytest.fixture
async def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
async def patient(kitchen: Kitchen) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever is in line is served in the end."""
    app = shedding(kitchen, at_once=PLACES, wait_s=60)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def client(kitchen: Kitchen) -> AsyncIterator[httpx.AsyncClient]:
    app = shedding(kitchen, at_once=PLACES, wait_s=PATIENCE_S, calm_after_s=PATIENCE_S)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def until(reached: int, kitchen: Kitchen) -> None:
    async with asyncio.timeout(10):
        while kitchen.running < reached:  # noqa: ASYNC110 - it has no event for each number
            await asyncio.sleep(0)


async def test_no_more_run_at_once_than_may_and_who_waits_runs_when_a_place_is_free(
    patient: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    calls = [asyncio.create_task(patient.get("/")) for _ in range(PLACES * 3)]
    await until(PLACES, kitchen)
    kitchen.done.set()
    answers = await asyncio.gather(*calls)

    assert {answer.status_code for answer in answers} == {200}
    assert kitchen.most <= PLACES + 1, "a place is given on when an answer begins to be sent"


async def test_who_waits_too_long_is_turned_away_with_a_problem(
    client: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    running = [asyncio.create_task(client.get("/")) for _ in range(PLACES)]
    await until(PLACES, kitchen)
    refused = await client.get("/", headers={"X-Request-ID": "mine"})
    kitchen.done.set()
    await asyncio.gather(*running)

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["X-Request-ID"] == "mine"
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert len(refused.json()["trace_id"]) == 32
    assert (await client.get("/")).status_code == 200, "and all places are free again"


async def test_beyond_the_line_nobody_waits_at_all(patient: httpx.AsyncClient, kitchen: Kitchen) -> None:
    calls = {asyncio.create_task(patient.get("/")) for _ in range(PLACES * (1 + IN_LINE_PER_PLACE) + 1)}
    first, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    kitchen.done.set()
    answers = await asyncio.gather(*calls)

    assert [call.result().status_code for call in first] == [503]
    assert sorted(answer.status_code for answer in answers) == [200] * (len(calls) - 1) + [503]


@pytest.mark.parametrize(("pause_s", "order"), [(0.01, ["/older", "/newer"]), (WAIT_S * 0.6, ["/newer", "/older"])])
async def test_the_oldest_goes_first_and_the_newest_once_somebody_has_waited_for_long(
    kitchen: Kitchen, pause_s: float, order: list[str]
) -> None:
    app, calls = shedding(kitchen, at_once=1, wait_s=WAIT_S), []
    for path in ("/running", "/older", "/newer"):
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "scheme": "http"}
        calls.append(asyncio.create_task(app(scope, nothing, ignored)))
        await asyncio.sleep(pause_s if path == "/older" else 0.01)
    kitchen.done.set()
    await asyncio.gather(*calls)

    assert kitchen.served == ["/running", *order]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/_feed/billing"])
async def test_probes_and_feeds_pass_whatever_runs(client: httpx.AsyncClient, kitchen: Kitchen, path: str) -> None:
    calls = [asyncio.create_task(client.get("/")) for _ in range(PLACES)]
    await until(PLACES, kitchen)
    calls.append(asyncio.create_task(client.get(path)))
    await until(PLACES + 1, kitchen)
    kitchen.done.set()
    answers = await asyncio.gather(*calls)

    assert {answer.status_code for answer in answers} == {200}


async def test_who_is_still_sending_keeps_nobody_out(client: httpx.AsyncClient, kitchen: Kitchen) -> None:
    async def never_ending() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    slow = [asyncio.create_task(client.post("/", content=never_ending())) for _ in range(PLACES * 3)]
    await until(PLACES * 3, kitchen)
    kitchen.done.set()
    answer = await client.get("/")
    for call in slow:
        call.cancel()
    await asyncio.gather(*slow, return_exceptions=True)

    assert answer.status_code == 200


async def test_who_reads_slowly_keeps_nobody_out() -> None:
    kitchen = Kitchen()
    kitchen.done.set()
    app, unread = shedding(kitchen, at_once=1, wait_s=PATIENCE_S), asyncio.Event()

    async def slowly(_message: Message) -> None:
        await unread.wait()

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http"}
    slow = [asyncio.create_task(app(dict(scope), nothing, slowly)) for _ in range(3)]
    async with asyncio.timeout(10):
        while len(kitchen.served) < len(slow):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    unread.set()
    await asyncio.gather(*slow)


async def test_who_watches_for_the_end_of_the_connection_while_it_works_counts_once() -> None:
    most = running = 0
    done = asyncio.Event()

    async def watchful(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal most, running
        await receive()
        watching = asyncio.create_task(receive())  # as a streamed answer does
        running += 1
        most = max(most, running)
        await done.wait()
        running -= 1
        watching.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def still_there() -> AsyncIterator[Message]:
        yield await nothing()
        await asyncio.Event().wait()

    app = shedding(watchful, at_once=PLACES, wait_s=60)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http"}
    calls = [asyncio.create_task(app(dict(scope), still_there().__anext__, ignored)) for _ in range(PLACES * 3)]
    await asyncio.sleep(PATIENCE_S)
    seen = most
    done.set()
    await asyncio.gather(*calls)

    assert seen <= PLACES + 1


async def ignored(_message: Message) -> None:
    pass


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_a_call_that_is_broken_off_gives_its_place_back(client: httpx.AsyncClient, kitchen: Kitchen) -> None:
    for _ in range(3):  # running, in line, and let in at the same moment
        calls = [asyncio.create_task(client.get("/")) for _ in range(PLACES * 2)]
        await until(PLACES, kitchen)
        calls[0].cancel()
        for call in calls:
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
    kitchen.done.set()
    answers = await asyncio.gather(*(client.get("/") for _ in range(PLACES * 2)))

    assert {answer.status_code for answer in answers} == {200}
    assert kitchen.running == 0


async def test_in_a_flood_nobody_waits_for_long_beyond_the_time_of_the_line(kitchen: Kitchen) -> None:
    app, turned_away = shedding(kitchen, at_once=20, wait_s=PATIENCE_S), []

    async def refused(message: Message) -> None:
        turned_away.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http"}
    running = [asyncio.create_task(app(dict(scope), nothing, ignored)) for _ in range(20)]
    await until(20, kitchen)
    async with asyncio.timeout(5):
        await asyncio.gather(*(app(dict(scope), nothing, refused) for _ in range(20 * IN_LINE_PER_PLACE)))
    kitchen.done.set()
    await asyncio.gather(*running)

    assert len(turned_away) == 2 * 20 * IN_LINE_PER_PLACE, "head and body of each"
    assert len(kitchen.served) == 20


@pytest.mark.parametrize("let_in", [True, False])
async def test_what_the_server_has_heard_for_a_request_stands(kitchen: Kitchen, let_in: bool) -> None:
    admission, told = Admission(at_once=1, wait_s=PATIENCE_S), []
    place, app = Place(let_in), LoadShedding(kitchen, admission=admission)

    async def telling(message: Message) -> None:
        told.append(message.get("status"))

    if let_in:
        assert admission.enter()
    kitchen.done.set()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http", PLACE: place}
    await app(scope, nothing, telling)

    assert told[0] == (200 if let_in else 503)
    assert place.minded
    assert admission.enter(), "the place is free again"


async def test_an_overload_is_logged_once_when_it_begins_and_once_when_it_is_over(
    client: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    running = [asyncio.create_task(client.get("/")) for _ in range(PLACES)]
    await until(PLACES, kitchen)
    with capture_logs() as logged:
        await asyncio.gather(*(client.get("/") for _ in range(3)))
        async with asyncio.timeout(10):
            while len(logged) < 2:  # noqa: ASYNC110 - a log has none either
                await asyncio.sleep(0.01)
    kitchen.done.set()
    await asyncio.gather(*running)

    assert [(line["event"], line.get("shed")) for line in logged] == [
        ("overload_began", None),
        ("overload_ended", 3),
    ]
