"""Sends messages over HTTP/1.1: a connection for each, no redirect, no proxy, so much time and so many bytes."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import final

import httpcore

from hedgerow_core.domain import Clock
from hedgerow_webhooks.domain.message import MAX_KEPT_ANSWER, Attempt, Failure
from hedgerow_webhooks.domain.target import Target
from hedgerow_webhooks.infrastructure.guarded_network import (
    ForbiddenAddressError,
    GuardedNetwork,
    NameNotFoundError,
)

OURS = {
    "content-type": "application/json",
    "user-agent": "Hedgerow-Webhooks/1",
    "accept-encoding": "identity",
    "connection": "close",
}
"""Not compressed: what is kept of an answer is what came."""


@final
class HttpSender:
    """The port `Sender`. Belongs to one event loop.

    `authorities` are whose certificates are believed; read at the first message, because that takes a while.
    """

    def __init__(
        self,
        network: GuardedNetwork,
        clock: Clock,
        timeout: timedelta,
        authorities: Callable[[], ssl.SSLContext],
    ) -> None:
        self._network = network
        self._clock = clock
        self._timeout_s = timeout.total_seconds()
        self._authorities = authorities
        self._connections: httpcore.AsyncConnectionPool | None = None

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Send it, and turn whatever happens into an attempt. Nothing of an error's text is kept."""
        at, started = self._clock.now(), time.perf_counter()
        status, failure, answer = None, None, b""
        try:
            async with asyncio.timeout(self._timeout_s):
                status, answer = await self._exchange(target, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            failure = Failure.TOO_SLOW
        except ForbiddenAddressError:
            failure = Failure.FORBIDDEN_ADDRESS
        except NameNotFoundError:
            failure = Failure.NAME_NOT_FOUND
        except (httpcore.ConnectError, ssl.SSLError):
            failure = Failure.NOT_CONNECTED
        except (httpcore.NetworkError, httpcore.ProtocolError):
            failure = Failure.CUT_OFF
        return _attempt(at, time.perf_counter() - started, status, failure, answer)

    async def close(self) -> None:
        """Close what is open."""
        if self._connections is not None:
            connections, self._connections = self._connections, None
            await connections.aclose()

    async def _exchange(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        connections = self._connections or await self._opened()
        sent = {**OURS, **headers}
        async with connections.stream("POST", target.url, headers=list(sent.items()), content=body) as response:
            return response.status, await _first_bytes(response)

    async def _opened(self) -> httpcore.AsyncConnectionPool:
        """The connections, made when the first message is sent. Of several first ones, one makes them for all."""
        authorities = await asyncio.to_thread(self._authorities)
        if self._connections is None:
            self._connections = httpcore.AsyncConnectionPool(
                ssl_context=authorities,
                network_backend=self._network,
                max_connections=None,  # bounded by the lanes
                max_keepalive_connections=0,  # so that each message is judged
            )
        return self._connections


async def _first_bytes(response: httpcore.Response) -> bytes:
    """So many as are kept. Where there are more, the connection is closed over them."""
    kept = bytearray()
    async for chunk in response.aiter_stream():
        kept += chunk
        if len(kept) >= MAX_KEPT_ANSWER:
            break
    return bytes(kept[:MAX_KEPT_ANSWER])


def _attempt(at: datetime, took_s: float, status: int | None, failure: Failure | None, answer: bytes) -> Attempt:
    # PostgreSQL holds no NUL in a text, and nobody wants to see control characters.
    text = answer.decode("utf-8", "replace")
    seen = "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
    return Attempt(at=at, took=timedelta(seconds=took_s), status=status, failure=failure, answer=seen)
