"""Who dawdles over headers or an answer is hung up on, who sends too much is refused; the unlucky are served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.testing.servers import LOCALHOST
from hedgerow_host.api import server_config
from hedgerow_host.listening import bound_socket
from hedgerow_host.patient_protocol import MAX_HEADER_BYTES, MAX_HEADERS, PatientProtocol

PATIENCE_S = 0.3
SLACK_S = 0.5
LARGE = 20_000_000
"""More than a network holds for a reader who doesn't come."""
GET = b"GET /fast HTTP/1.1\r\nHost: test\r\n"


class Impatient(PatientProtocol):
    headers_within_s = PATIENCE_S
    read_within_s = PATIENCE_S


def app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(RequestBoundary, body_within_s=PATIENCE_S)

    @app.get("/fast")
    async def fast() -> str:
        return "fast"

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(PATIENCE_S * 3)
        return "slow"

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.post("/deaf")
    async def deaf() -> str:
        return "deaf"

    @app.get("/large")
    async def large() -> Response:
        return Response(b"a" * LARGE)

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        return StreamingResponse(b"a" * 10_000 for _ in range(LARGE // 10_000))

    spoken = asyncio.Event()

    @app.get("/late")
    async def late() -> StreamingResponse:
        async def words() -> AsyncIterator[bytes]:
            await spoken.wait()
            yield b"late"

        return StreamingResponse(words())

    @app.get("/speak")
    async def speak() -> str:
        spoken.set()
        return "spoken"

    @app.get("/who")
    async def who(request: Request) -> list[str]:
        assert request.client is not None
        return [request.client.host, request.url.scheme]

    return app


async def serving(config: uvicorn.Config) -> AsyncIterator[int]:
    with bound_socket(LOCALHOST, 0) as listening:
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        await running


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = server_config(app())
    config.http = Impatient
    async for port in serving(config):
        yield port


class Peer:
    """A client that sends what it likes, when it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.head = ""
        """Of the last answer, in lower case."""

    @classmethod
    async def at(cls, port: int) -> Peer:
        return cls(*await asyncio.open_connection(LOCALHOST, port))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def trickle(self, data: bytes, every_s: float) -> None:
        with suppress(ConnectionError):  # hung up on, as it should be
            for position in range(len(data)):
                await self.send(data[position : position + 1])
                await asyncio.sleep(every_s)

    async def answer(self) -> tuple[int, Any]:
        await self.read_head()
        length = int(self.head.partition("content-length: ")[2].partition("\r\n")[0])
        return int(self.head.split()[1]), json.loads(await self._reader.readexactly(length))

    async def read_head(self) -> None:
        self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()

    async def read_to_the_end(self) -> bytes:
        async with asyncio.timeout(10):
            return await self._reader.read()

    async def read_all(self, pause_s: float = 0.0) -> int:
        """How much came until the end, read in pieces with pauses between them."""
        size = 0
        with suppress(ConnectionError):
            while piece := await self._reader.read(100_000):
                size += len(piece)
                await asyncio.sleep(pause_s)
        return size

    async def end(self) -> float:
        """How long it took until the server hung up."""
        started = asyncio.get_running_loop().time()
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                await self._reader.read()
        return asyncio.get_running_loop().time() - started


@pytest.mark.parametrize("said", [b"", b"G", GET, GET + b"X-Long: a", b"\r\n"])
async def test_headers_that_do_not_come_end_the_connection(port: int, said: bytes) -> None:
    peer = await Peer.at(port)
    await peer.send(said)

    assert PATIENCE_S - SLACK_S < await peer.end() < PATIENCE_S + SLACK_S


def test_a_host_is_served_by_it() -> None:
    assert issubclass(server_config(FastAPI()).http, PatientProtocol)  # type: ignore[arg-type] # a class


async def test_uvicorn_by_itself_would_wait_on() -> None:
    """The twin: what the others measure is our deadline."""
    config = server_config(app())
    config.http = "httptools"
    async for port in serving(config):
        peer = await Peer.at(port)
        await peer.send(GET)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peer.end(), PATIENCE_S + SLACK_S)


@pytest.mark.parametrize("said", [GET + b"X-Long: " + b"a" * 1000, b"\r\n" * 1000])
async def test_headers_that_trickle_end_the_connection(port: int, said: bytes) -> None:
    peer = await Peer.at(port)
    trickling = asyncio.create_task(peer.trickle(said, every_s=0.02))

    assert await peer.end() < PATIENCE_S + SLACK_S
    await trickling


async def test_a_further_request_that_trickles_ends_the_connection(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(GET + b"\r\n")
    assert await peer.answer() == (200, "fast")
    trickling = asyncio.create_task(peer.trickle(GET * 50, every_s=0.02))

    assert await peer.end() < PATIENCE_S + SLACK_S
    await trickling


async def test_what_a_stream_begins_with_is_there_before_its_first_word(port: int) -> None:
    listener, speaker = await Peer.at(port), await Peer.at(port)
    await listener.send(b"GET /late HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")

    async with asyncio.timeout(10):
        await listener.read_head()
    assert "transfer-encoding: chunked" in listener.head

    await speaker.send(b"GET /speak HTTP/1.1\r\nHost: test\r\n\r\n")
    assert await speaker.answer() == (200, "spoken")
    assert b"late" in await listener.read_to_the_end()


async def test_who_asks_for_the_head_alone_gets_it(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(b"HEAD /nowhere HTTP/1.1\r\nHost: test\r\n\r\n" + GET + b"\r\n")

    await peer.read_head()
    assert peer.head.startswith("http/1.1 404")
    assert await peer.answer() == (200, "fast")


async def test_who_asks_before_it_sends_a_body_is_told_to_go_on(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(b"POST /body HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")

    await peer.read_head()
    assert peer.head.startswith("http/1.1 100")
    await peer.send(b"abc")
    assert await peer.answer() == (200, 3)


async def test_too_large_headers_of_a_request_that_came_with_another_are_a_431_or_the_end(port: int) -> None:
    peer = await Peer.at(port)
    large = GET + b"X-Large: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n"
    await peer.send(GET + b"\r\n" + large)

    assert b" 200 OK" not in (await peer.read_to_the_end()).partition(b"fast")[2]


async def test_headers_that_begin_with_the_end_of_another_request_are_bounded_too(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(GET + b"\r\n" + GET + b"X-Large: " + b"a" * (MAX_HEADER_BYTES - 100))
    await asyncio.sleep(0.05)
    with suppress(ConnectionError):
        await peer.send(b"a" * 200 + b"\r\n\r\n")

    assert (await peer.read_to_the_end()).count(b" 200 OK") == 1


OFFER = b"Connection: Upgrade\r\nUpgrade: %b\r\n"
INNER = GET + b"\r\n"
FRAMINGS = [b"Content-Length: %d\r\n\r\n" % len(INNER), b"Transfer-Encoding: chunked\r\n\r\n"]


@pytest.mark.parametrize("other", [b"websocket", b"h2c"])
@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_body_behind_an_offer_to_switch_is_never_read_as_a_request(
    port: int, other: bytes, framing: bytes
) -> None:
    peer = await Peer.at(port)
    await peer.send(b"POST /body HTTP/1.1\r\nHost: test\r\n" + OFFER % other + framing)
    await asyncio.sleep(0.05)
    with suppress(ConnectionError):
        await peer.send(INNER)

    said = await peer.read_to_the_end()
    assert said.startswith(b"HTTP/1.1 400")
    assert b'"fast"' not in said


@pytest.mark.parametrize("other", [b"websocket", b"h2c"])
async def test_an_offer_to_switch_is_answered_in_http_and_nothing_behind_it_is(port: int, other: bytes) -> None:
    peer = await Peer.at(port)
    await peer.send(GET + OFFER % other + b"\r\n")
    await asyncio.sleep(0.05)
    with suppress(ConnectionError):
        await peer.send(INNER)

    assert (await peer.read_to_the_end()).count(b'"fast"') == 1


async def test_a_hundred_that_dawdle_are_hung_up_on_and_the_others_are_served(port: int) -> None:
    dawdlers = [await Peer.at(port) for _ in range(100)]
    for dawdler in dawdlers:
        await dawdler.send(GET)
    ends = asyncio.gather(*(dawdler.end() for dawdler in dawdlers))
    peer = await Peer.at(port)
    await peer.send(GET + b"\r\n")

    assert await peer.answer() == (200, "fast")
    assert max(await ends) < PATIENCE_S + SLACK_S * 2


async def test_a_body_that_trickles_is_a_408_and_ends_the_connection(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n")
    trickling = asyncio.create_task(peer.trickle(b"a" * 1000, every_s=0.02))

    status, problem = await peer.answer()
    assert (status, problem["code"]) == (408, "body_too_slow")
    assert await peer.end() < SLACK_S
    await trickling


async def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for_either(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(b"POST /deaf HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n")
    assert await peer.answer() == (200, "deaf")
    trickling = asyncio.create_task(peer.trickle(b"a" * 1000, every_s=0.02))

    assert await peer.end() < PATIENCE_S + SLACK_S
    await trickling


async def test_a_large_body_that_nobody_reads_is_no_header(port: int) -> None:
    peer = await Peer.at(port)
    size = MAX_HEADER_BYTES * 8
    await peer.send(b"POST /deaf HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size)
    assert await peer.answer() == (200, "deaf")
    await peer.send(b"a" * size + GET + b"\r\n")

    assert await peer.answer() == (200, "fast")


async def test_who_waits_for_a_slow_answer_and_has_sent_ahead_is_served(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n" + GET)
    assert await peer.answer() == (200, "slow")
    await peer.send(b"\r\n")

    assert await peer.answer() == (200, "fast")


LINE = b"X-Some: " + b"a" * 100 + b"\r\n"


@pytest.mark.parametrize(
    "said",
    [
        GET + b"X-Large: " + b"a" * 2_000_000,
        GET + b"X-Large: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n",
        GET + LINE * 20_000,
        GET + b"A: b\r\n" * MAX_HEADERS + b"\r\n",
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n",
        GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n" + b"A: b\r\n" * MAX_HEADERS + b"\r\n",
        b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n"
        + b"A: b\r\n" * MAX_HEADERS
        + b"\r\n123456789",
    ],
)
async def test_headers_that_are_too_many_or_too_large_are_a_431(port: int, said: bytes) -> None:
    peer = await Peer.at(port)
    started = asyncio.get_running_loop().time()
    sending = asyncio.create_task(peer.send(said))

    status, problem = await peer.answer()

    assert (status, problem["code"]) == (431, "headers_too_large")
    assert len(problem["trace_id"]) == 32
    assert asyncio.get_running_loop().time() - started < SLACK_S
    await asyncio.gather(sending, return_exceptions=True)
    await peer.end()


async def test_headers_within_the_bounds_pass(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(GET + b"A: b\r\n" * (MAX_HEADERS - 1) + b"\r\n")
    assert await peer.answer() == (200, "fast")
    await peer.send(GET + b"X-Large: " + b"a" * (MAX_HEADER_BYTES - 200) + b"\r\n\r\n")
    assert await peer.answer() == (200, "fast")


async def test_too_much_behind_a_request_in_work_ends_the_connection_without_a_mix_up(port: int) -> None:
    peer = await Peer.at(port)
    await peer.send(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
    await asyncio.sleep(0.05)
    await peer.send(GET + LINE * 1000)

    assert await peer.end() < SLACK_S


FORWARDED = b"X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.2\r\nX-Forwarded-Proto: https\r\n"


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [
        (None, [LOCALHOST, "http"]),
        (("192.0.2.0/24",), [LOCALHOST, "http"]),
        (("127.0.0.0/8",), ["10.0.0.2", "https"]),
        (("127.0.0.0/8", "10.0.0.0/8"), ["198.51.100.7", "https"]),
    ],
)
async def test_who_calls_is_said_by_trusted_proxies_alone(trusted: tuple[str, ...] | None, seen: list[str]) -> None:
    async for port in serving(server_config(app(), trusted)):
        peer = await Peer.at(port)
        await peer.send(b"GET /who HTTP/1.1\r\nHost: test\r\n" + FORWARDED + b"\r\n")

        assert await peer.answer() == (200, seen)


@pytest.mark.parametrize("path", [b"large", b"endless"])
async def test_an_answer_that_nobody_reads_ends_the_connection(port: int, path: bytes) -> None:
    peer = await Peer.at(port)
    await peer.send(b"GET /%b HTTP/1.1\r\nHost: test\r\n\r\n" % path)
    await asyncio.sleep(PATIENCE_S + SLACK_S)

    assert await peer.read_all() < LARGE


@pytest.mark.parametrize("path", [b"large", b"endless"])
async def test_an_answer_that_is_read_steadily_comes_whole(port: int, path: bytes) -> None:
    """Longer than the deadline, which is for each piece and not for the whole."""
    peer = await Peer.at(port)
    await peer.send(b"GET /%b HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" % path)

    assert await peer.read_all(pause_s=PATIENCE_S / 100) >= LARGE


async def test_uvicorn_by_itself_would_wait_for_a_reader() -> None:
    """The twin."""
    config = server_config(app())
    config.http = "httptools"
    async for port in serving(config):
        peer = await Peer.at(port)
        await peer.send(b"GET /large HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(PATIENCE_S + SLACK_S)

        assert await peer.read_all() >= LARGE


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (b"GET /fast HTTP/1.1\r\n\r\n", 400, "host_missing"),
        (GET + b"Host: another\r\n\r\n", 400, "host_missing"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (GET + b"Content-Length: a\r\n\r\n", 400, "bad_request"),
        (GET + b"X-Long: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n", 431, "headers_too_large"),
    ],
)
async def test_what_is_refused_before_the_application_is_a_problem_with_the_fields_of_every_answer(
    port: int, said: bytes, status: int, code: str
) -> None:
    peer = await Peer.at(port)
    await peer.send(said)

    got, problem = await peer.answer()

    assert (got, problem["status"], problem["code"]) == (status, status, code)
    for field in (
        "content-type: application/problem+json",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'; base-uri 'none'",
        "connection: close",
    ):
        assert field in peer.head
    assert await peer.end() < PatientProtocol.headers_within_s


@pytest.mark.parametrize("said", [GET + b"\r\n", b"GET /fast HTTP/1.0\r\n\r\n"])
async def test_who_names_one_host_or_speaks_http_1_0_is_served(port: int, said: bytes) -> None:
    peer = await Peer.at(port)
    await peer.send(said)

    assert await peer.answer() == (200, "fast")
