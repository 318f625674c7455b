"""Where a message ends is never in doubt (RFC 9112 §6.3): what a proxy could read otherwise is refused."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from hedgerow_core.testing.servers import LOCALHOST
from hedgerow_host.api import server_config
from host.tests.test_patient_protocol import serving

START = b"POST /body HTTP/1.1\r\nHost: test\r\n"
SMUGGLED = b"GET /fast HTTP/1.1\r\nHost: test\r\n\r\n"
CHUNK = b"4\r\nabcd\r\n"
END = b"0\r\n\r\n"
REFUSED, FINE = b"HTTP/1.1 400 ", b"HTTP/1.1 200 "


def app() -> FastAPI:
    app = FastAPI()

    @app.get("/fast")
    async def fast() -> str:
        return "fast"

    @app.post("/body")
    async def body(request: Request) -> int | None:
        try:
            return len(await request.body())
        except ClientDisconnect:  # the server has hung up over it
            return None

    return app


async def answered(sent: bytes) -> bytes:
    """Everything that comes back until the server hangs up, or has been silent for a moment."""
    received = b""
    async for port in serving(server_config(app())):
        reader, writer = await asyncio.open_connection(LOCALHOST, port)
        writer.write(sent)
        while True:
            try:
                part = await asyncio.wait_for(reader.read(65536), 0.3)
            except TimeoutError:
                break
            if not part:
                break
            received += part
        writer.close()
    return received


@pytest.mark.parametrize(
    "message",
    [
        START + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
        START + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + END,
        START + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        START + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        START + b"Content-Length: 4, 4\r\n\r\nabcd",
        START + b"Content-Length: +4\r\n\r\nabcd",
        START + b"Content-Length : 4\r\n\r\nabcd",
        START + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNK + END,
        START + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNK + END,
        START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK + END,
        START + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNK + END,
        START + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n" + END,
        START + b"Transfer-Encoding: chunked\r\n\r\n10000000000000004\r\nabcd\r\n" + END,
        START + b"Transfer-Encoding: chunked\r\n\r\n4\nabcd\r\n" + END,
        START.replace(b"\r\n", b"\n") + b"Content-Length: 4\n\nabcd",
        START + b"X-Split: a\x00b\r\nContent-Length: 4\r\n\r\nabcd",
    ],
)
async def test_a_message_of_doubtful_length_is_refused_and_nothing_behind_it_is_served(message: bytes) -> None:
    answer = await answered(message + SMUGGLED)

    assert answer.startswith(REFUSED), answer
    assert FINE not in answer, "what came behind it was taken for a request"


@pytest.mark.parametrize(
    "message",
    [
        START + b"Content-Length: 4\r\n\r\nabcd",
        START + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + END,
    ],
)
async def test_behind_a_message_of_plain_length_the_next_one_is_served(message: bytes) -> None:
    assert (await answered(message + SMUGGLED)).count(FINE) == 2, "else the test above would prove nothing"
