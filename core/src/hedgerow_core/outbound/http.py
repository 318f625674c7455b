"""A client over HTTP for one server that is not ours: bounded in time and size, and repeated where that is safe.

No redirect is followed, no proxy of the environment is asked. What was surely never sent is tried again anyhow;
what may have arrived only if the caller says that twice is as good as once.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, final

from hedgerow_core.domain import UnavailableError
from hedgerow_core.outbound.breaker import FAILURES, OPEN_FOR_S, CircuitOpen
from hedgerow_core.outbound.calls import Calls
from hedgerow_core.security.scopes import SAFE_METHODS

if TYPE_CHECKING:
    import httpx

WITHIN = timedelta(seconds=10)
"""For all tries together, and a moment more for the waits between them."""
CONNECT_WITHIN_S, SILENT_FOR_S = 2.0, 5.0
MOST_BYTES = 1024 * 1024
MOST_CONNECTIONS = 32
ASK_AGAIN_AFTER = timedelta(seconds=2)
_OUT_OF_ORDER = (502, 503, 504)


class ServerAway(UnavailableError):
    """A server that is not ours can't be reached, gave no answer in time, or is left alone for 2 s because it
    failed five times running. `server` says which.

    Fix: wait for `Retry-After`; operators: `server_cut_off` in the log.
    """

    code = "server_away"

    def __init__(self, server: str, why: str, *, retry_after: timedelta = ASK_AGAIN_AFTER) -> None:
        """`why` is for the log and for who catches this: no caller of ours is told."""
        super().__init__(
            f"{server} can't be reached right now. Try again as Retry-After says.",
            retry_after=retry_after,
            details={"server": server},
        )
        self.why = why


@final
@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server has answered, whatever it is."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    content: bytes


@final
class OutboundHttp:
    """The way to one server. Belongs to one event loop; connects on first use; `close()` it.

    `transport` takes the place of the network, for tests in one process.
    """

    def __init__(
        self,
        server: str,
        *,
        within: timedelta = WITHIN,
        most_bytes: int = MOST_BYTES,
        failures: int = FAILURES,
        open_for_s: float = OPEN_FOR_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`server` is its name in metrics, logs and errors."""
        self._server = server
        self._within = within
        self._most_bytes = most_bytes
        self._transport = transport
        self._calls = Calls(server, failures=failures, open_for_s=open_for_s)
        self._client: httpx.AsyncClient | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        within: timedelta | None = None,
    ) -> HttpAnswer:
        """Send a request, and read the whole answer. 502, 503 and 504 are none, after the last try as well.

        `repeatable` says that twice is as good as once, as with a key of idempotency; of GET it is known.

        Raises:
            ServerAway: there was no answer within the time for all tries, or more of it than `most_bytes`.
            ValueError: the URL is none.
        """
        request = self._request(method, url, content, headers)
        again = repeatable or method in SAFE_METHODS

        def may_repeat(error: BaseException) -> bool:
            return isinstance(error, _NoAnswer) and (not error.sent or (again and error.may_pass))

        ends = asyncio.get_running_loop().time() + (within or self._within).total_seconds()

        async def once() -> HttpAnswer:
            async with asyncio.timeout_at(ends):
                return await self._exchange(request)

        try:
            return await self._calls.make(once, repeat=may_repeat)
        except CircuitOpen as left_alone:
            raise ServerAway(self._server, str(left_alone), retry_after=left_alone.retry_after) from None
        except (TimeoutError, _NoAnswer) as error:
            raise ServerAway(self._server, str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def _request(self, method: str, url: str, content: bytes, headers: Mapping[str, str] | None) -> httpx.Request:
        import httpx

        try:
            return self._connected().build_request(method, url, content=content, headers=headers)
        except httpx.InvalidURL as error:
            raise ValueError(f"no URL to send to: {error}") from error

    async def _exchange(self, request: httpx.Request) -> HttpAnswer:
        import httpx

        try:
            answer = await self._connected().send(request, stream=True)
            try:
                body = bytearray()
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > self._most_bytes:
                        raise _NoAnswer(f"the answer has more than {self._most_bytes} bytes", may_pass=False)
            finally:
                await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _NoAnswer(type(error).__name__, sent=False) from error
        except httpx.HTTPError as error:
            raise _NoAnswer(type(error).__name__) from error
        if answer.status_code in _OUT_OF_ORDER:
            raise _NoAnswer(f"it answered {answer.status_code}")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, headers, bytes(body))

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(
                transport=self._transport,
                verify=authorities(),
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(SILENT_FOR_S, connect=CONNECT_WITHIN_S),
                limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
                # Not compressed: what we bound is what we get.
                headers={"Accept-Encoding": "identity", "User-Agent": "hedgerow"},
            )
        return self._client


@cache
def authorities() -> ssl.SSLContext:
    """The authorities of the machine, and of SSL_CERT_FILE. Read once: that takes longer than a request."""
    return ssl.create_default_context()


class _NoAnswer(Exception):
    """`sent`: the request may have arrived. `may_pass`: another try may be answered."""

    def __init__(self, why: str, *, sent: bool = True, may_pass: bool = True) -> None:
        super().__init__(why)
        self.sent = sent
        self.may_pass = may_pass
