"""The cheapest caller that there is: one request, sent again and again over one connection, some 25 µs each.

Load generators are made of it: one that costs as much as the server would measure itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
SUCCESS = b"2"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    head: bytes
    """In lower case, status line and all."""
    body: bytes
    """Of errors alone: what was asked for is thrown away."""
    took_s: float
    """From when it was due."""

    @property
    def status(self) -> bytes:
        """Three digits."""
        return self.head[9:12]


class Caller(asyncio.Protocol):
    """One connection. `answered` is called with what came, and may send at once; `lost`, with why, ends it."""

    def __init__(
        self, request: bytes, answered: Callable[[Caller, Answered], None], lost: Callable[[Caller, str], None]
    ) -> None:
        self._request = request
        self._answered = answered
        self._lost = lost
        self._due_at = 0.0
        self.answered_at = 0.0
        """When it got its last answer, by `time.perf_counter`."""
        self._head = b""
        self._body = b""
        self._to_come = 0

    def send(self, due_at: float | None = None) -> None:
        """Ask. `due_at` is when this was due, by `time.perf_counter`; else that is now."""
        self._due_at = time.perf_counter() if due_at is None else due_at
        self._transport.write(self._request)

    def close(self) -> None:
        """Hang up. Nobody hears of it."""
        self._lost = _nobody
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # uvloop's own kind

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        if not self._to_come:
            self._head += data
            end = self._head.find(_END)
            if end < 0:
                return
            data = self._head[end + len(_END) :]
            self._head = self._head[: end + len(_END)].lower()
            at = self._head.find(_LENGTH)
            if at < 0:
                self._lost(self, f"an answer without content-length: {self._head!r}")
                return
            self._to_come = int(self._head[at + len(_LENGTH) : self._head.find(b"\r\n", at + 2)])
            self._body = b""
        self._to_come -= len(data)
        if self._head[9:10] != SUCCESS:
            self._body += data
        if self._to_come < 0:
            self._lost(self, "more came than was said")
        elif self._to_come == 0:
            self.answered_at = time.perf_counter()
            answer = Answered(self._head, self._body, self.answered_at - self._due_at)
            self._head = b""
            self._answered(self, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side has hung up."""
        self._lost(self, f"a connection was closed: {exc}")


def _nobody(_caller: Caller, _why: str) -> None:
    pass
