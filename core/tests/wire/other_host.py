"""A host on the other side of a real socket, which answers as a test wants it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hedgerow_core.testing.servers import LOCALHOST

OK = b"it is so"


@dataclass
class OtherHost:
    """What it does, and what it was sent. Set the fields while it runs."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = OK
    slow_s: float = 0
    hangs_up: int = 0
    """How many requests it takes, and then cuts the connection."""
    port: int = 0
    tls: ssl.SSLContext | None = None
    received: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://{LOCALHOST}:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOCALHOST, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        sent = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.received.append((head[0], sent, await reader.readexactly(int(sent.get("content-length", 0)))))
        await asyncio.sleep(self.slow_s)
        if self.hangs_up:
            self.hangs_up -= 1
            return False
        told = {"Content-Length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"HTTP/1.1 {self.status} Whatever\r\n{lines}\r\n".encode() + self.body)
        await writer.drain()
        return self._server is not None and self._server.is_serving()


@asynccontextmanager
async def other_host() -> AsyncIterator[OtherHost]:
    """One that runs while the body does."""
    host = OtherHost()
    await host.start()
    try:
        yield host
    finally:
        await host.stop()
