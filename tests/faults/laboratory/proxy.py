"""A TCP proxy that misbehaves: it delays, drops a reply, goes silent, or resets, each with a chance and a seed.

It runs on a loop and thread of its own, so that a test which blocks doesn't make it slow. A dropped reply is the
hard case: the server did what it was asked, and the client will never know.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hedgerow_core.testing.servers import LOCALHOST

CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST


@dataclass(slots=True)
class Faults:
    """How often what goes wrong. Chances are per request (a chunk from the client). May be changed meanwhile."""

    delay_s: float = 0.0
    drop_reply: float = 0.0
    """The request arrives; its reply, and all that follow on this connection, never come."""
    silence: float = 0.0
    """Half-open: from here on nothing passes either way, and nobody is told."""
    reset: float = 0.0


@dataclass(slots=True)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    deaf: bool = False
    """The client hears nothing any more."""
    mute: bool = False
    """The server hears nothing any more."""


@dataclass(slots=True)
class Proxy:
    """In front of one server, at `port`. `happened` counts the faults."""

    target: tuple[str, int] | str
    """Host and port, or the path of a Unix socket."""
    faults: Faults
    seed: int
    port: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Pass connections on until `stop` is set."""
        server = await asyncio.start_server(self._accept, LOCALHOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await stop.wait()

    async def _accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self.target, str):
                from_server, to_server = await asyncio.open_unix_connection(self.target)
            else:
                from_server, to_server = await asyncio.open_connection(*self.target)
        except OSError:
            to_client.close()
            return
        connection = _Connection(to_client, to_server)
        try:
            await asyncio.gather(self._requests(connection, from_client), self._replies(connection, from_server))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for writer in (to_client, to_server):
                with suppress(OSError, RuntimeError):
                    writer.close()

    async def _requests(self, connection: _Connection, from_client: asyncio.StreamReader) -> None:
        while request := await from_client.read(CHUNK):
            self._misbehave(connection)
            await asyncio.sleep(self.faults.delay_s)
            if not connection.mute:
                connection.server.write(request)
                await connection.server.drain()
        connection.server.close()

    async def _replies(self, connection: _Connection, from_server: asyncio.StreamReader) -> None:
        while reply := await from_server.read(CHUNK):
            if not connection.deaf:
                connection.client.write(reply)
                await connection.client.drain()
        if not connection.deaf:
            connection.client.close()

    def _misbehave(self, connection: _Connection) -> None:
        if connection.deaf:
            return
        if self._dice.random() < self.faults.drop_reply:
            self.happened["dropped"] += 1
            connection.deaf = True
        elif self._dice.random() < self.faults.silence:
            self.happened["silenced"] += 1
            connection.deaf = connection.mute = True
        elif self._dice.random() < self.faults.reset:
            self.happened["reset"] += 1
            peer: socket.socket = connection.client.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            connection.client.transport.abort()
            connection.server.transport.abort()


@contextmanager
def proxy_before(target: tuple[str, int] | str, faults: Faults, *, seed: int) -> Iterator[Proxy]:
    """A proxy in a thread of its own while the body runs."""
    proxy, ready = Proxy(target, faults, seed), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(proxy.serve(ready, stop))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run, name="proxy")
    thread.start()
    ready.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
