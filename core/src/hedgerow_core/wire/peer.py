"""The way to the host of one remote context: a pool of connections, our token, a deadline, and bounded answers.

What is asked for is in the hands of who asks; here is only what all of them need. Nothing is tried twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, final

from hedgerow_core.application import current_cause
from hedgerow_core.observability import log_of
from hedgerow_core.outbound.http import authorities
from hedgerow_core.security.tokens import ALGORITHM
from hedgerow_core.wire.breaker import Breaker
from hedgerow_core.wire.host_keys import KEYS_PATH
from hedgerow_core.wire.key_documents import KeyDocument, key_client, key_document_at
from hedgerow_core.wire.peer_errors import PeerAway, PeerRefused, PeerTooSlow
from hedgerow_core.wire.remote_keys import KeyPatience, RemoteKeys
from hedgerow_core.wire.service_tokens import OwnTokens

if TYPE_CHECKING:
    import httpx

CONNECT_WITHIN_S, KEYS_WITHIN_S = 2.0, 5.0
MOST_CONNECTIONS = 64
KEPT_ALIVE_S = 3.0
"""Less than the 5 s after which the other side closes a connection that rests: else both could meet there."""
MOST_BYTES = 1024 * 1024
"""As many as a request may have."""
PROBLEM = "application/problem+json"
KEY_PATIENCE = KeyPatience(ask_every_s=1.0, fresh_at_least_s=30.0, fresh_at_most_s=60.0)
"""Hosts start at the same moment, and replace their keys: who has just been away is asked again soon."""

_log = log_of(__name__)


@final
@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What another host has answered, whatever it is."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    content: bytes


@final
class Peer:
    """One remote context, and the host where it lives. Belongs to one event loop; `close` it there.

    `transport` takes the place of the network, for tests in one process.
    """

    def __init__(
        self,
        context: str,
        url: str,
        tokens: OwnTokens,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self.context = context
        self.url = url.rstrip("/")
        self._tokens = tokens
        self._transport = transport
        self._breaker = breaker or Breaker(context)
        self._connections: httpx.AsyncBaseTransport | None = None
        self._refused = False
        self.keys = RemoteKeys(context, self._keys, KEY_PATIENCE, partial(_keys_unknown, context))
        """Those of its host, by which the tokens are checked that it shows us."""

    async def send(
        self,
        method: str,
        path: str,
        *,
        asker: str,
        within: timedelta,
        content: bytes = b"",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> PeerAnswer:
        """Send a request in the name of the context `asker`, which is hosted here, and read the whole answer.

        Raises:
            PeerAway: the host can't be reached, or cuts off its answer.
            PeerCutOff: it is not even tried, because it did so several times running.
            PeerTooSlow: the answer was not here in time: `within`.
            PeerRefused: the host does not believe us, or not this asker.
        """
        import httpx  # most hosts have no remotes

        request = httpx.Request(
            method,
            httpx.URL(self.url + path, params=params),
            headers={
                "authorization": f"Bearer {self._tokens.token(asker, self.context)}",
                **_OURS,
                **_trace(),
                **(headers or {}),
            },
            content=content,
            extensions={"timeout": _TIMEOUT},
        )
        async with self._breaker.trying():
            try:
                async with asyncio.timeout(within.total_seconds()):
                    answer = await self._exchange(request, most_bytes)
            except TimeoutError:
                raise PeerTooSlow(self.context) from None
            except httpx.HTTPError as error:
                raise self._away(type(error).__name__) from error
        self._demand_belief(answer)
        return answer

    async def close(self) -> None:
        """Close every connection."""
        await self.keys.close()
        if self._connections is not None:
            connections, self._connections = self._connections, None
            await connections.aclose()

    async def _exchange(self, request: httpx.Request, most_bytes: int) -> PeerAnswer:
        """By httpx's transport alone: its client looks for cookies and redirects, for a sixth of the time."""
        if self._connections is None:
            self._connections = self._transport or _opened(self.url)
        answer = await self._connections.handle_async_request(request)
        try:
            body = bytearray()
            async for chunk in answer.stream:  # type: ignore[union-attr] # of an asynchronous transport
                body += chunk
                if len(body) > most_bytes:
                    raise self._away(f"more than {most_bytes} bytes")
        finally:
            await answer.aclose()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status_code in _OUT_OF_ORDER and not headers.get("content-type", "").startswith(PROBLEM):
            raise self._away(f"status {answer.status_code}")
        return PeerAnswer(answer.status_code, headers, bytes(body))

    def _away(self, why: str) -> PeerAway:
        if not self._breaker.is_cut_off:  # else that was said, and somebody tries every few seconds
            _log.warning("remote_away", context=self.context, url=self.url, error=why)
        return PeerAway(self.context)

    def _demand_belief(self, answer: PeerAnswer) -> None:
        refused = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        if refused and not self._refused:
            _log.error("remote_refuses", context=self.context, url=self.url, status=answer.status)
        self._refused = refused
        if refused:
            raise PeerRefused(self.context)

    async def _keys(self) -> KeyDocument:
        async with asyncio.timeout(KEYS_WITHIN_S), key_client(self._transport) as client:
            return await key_document_at(client, self.url + KEYS_PATH, (ALGORITHM,))


_OUT_OF_ORDER = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
"""What a proxy in between says for a host that is away. A host that says so itself says why, in a problem."""

_TIMEOUT = {"connect": CONNECT_WITHIN_S}
"""`send` keeps the time of everything else."""
_OURS = {"accept-encoding": "identity", "user-agent": "hedgerow"}
"""Not compressed: what we bound is what we get."""


def _opened(url: str) -> httpx.AsyncBaseTransport:
    """Connections that are kept. No redirect is followed, and no proxy of the environment is asked."""
    import httpx

    # To read the authorities takes a tenth of a second, and http has no use for them.
    verify = authorities() if url.startswith("https:") else False

    limits = httpx.Limits(
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=MOST_CONNECTIONS,
        keepalive_expiry=KEPT_ALIVE_S,
    )
    return httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)


def _trace() -> Mapping[str, str]:
    traceparent = current_cause().traceparent
    return {"traceparent": traceparent} if traceparent else {}


def _keys_unknown(context: str, retry_after: timedelta) -> PeerAway:
    return PeerAway(context, retry_after=retry_after)
