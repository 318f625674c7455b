"""Sends the head of an answer with the first bytes of its body, in one packet.

So ASGI wants it: a server must not begin to answer before it has heard of a body. uvicorn writes the head at once,
and each write is a system call and a packet, which is a twentieth of a short request.
"""

from __future__ import annotations

import asyncio
from typing import final

_CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
"""How uvicorn ends the head of a stream."""


@final
class WholeAnswer(asyncio.Transport):
    """Where one answer goes: its head waits for its body, unless it is a stream, whose reader may wait for it."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = b""
        """None once it is written."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write a part of the answer, the head first. Nobody gets it who has hung up."""
        if self._transport.is_closing():
            return
        if self._head is None:
            self._transport.write(data)
        elif self._head or data[-len(_CHUNKED) :] == _CHUNKED:
            self._transport.write(self._head + data)
            self._head = None
        else:
            self._head = bytes(data)

    def close(self) -> None:
        """End the connection, after what was written."""
        if self._head and not self._transport.is_closing():
            self._transport.write(self._head)
        self._head = None
        self._transport.close()
