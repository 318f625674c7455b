"""What every answer tells a browser, in case one is on the other side: guess, frame, load and keep nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

_EVERY_ANSWER: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_DATA: Header = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
)
_PAGE: Header = (b"content-security-policy", b"object-src 'none'; base-uri 'none'; frame-ancestors 'none'")
"""The pages that this host serves itself, such as /docs, load scripts."""
_HTTPS: Header = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
"""Two years. Said over https only (RFC 6797 §7.2): behind a proxy, that is what X-Forwarded-Proto says."""
_FOR_ONE: Header = (b"cache-control", b"no-store")
"""Of what only one caller may see. ETags lose nothing: who sends If-None-Match keeps the thing itself."""


def security_headers(scope: Scope, headers: Iterable[Header]) -> list[Header]:
    """The fields to add to an answer with these; what the answer says itself stands."""
    own = dict(headers)
    for_one = scope.get("state", {}).get("principal") is not None
    wanted = _wanted(own.get(b"content-type", b"").startswith(b"text/html"), for_one, scope["scheme"] == "https")
    return [header for header in wanted if header[0] not in own]


@cache
def _wanted(is_page: bool, for_one: bool, over_https: bool) -> tuple[Header, ...]:
    return (
        *_EVERY_ANSWER,
        _PAGE if is_page else _DATA,
        *([_FOR_ONE] if for_one else []),
        *([_HTTPS] if over_https else []),
    )


class SecurityHeaders:
    """Adds them around whatever lies outside of the boundary and answers by itself (pure ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                message["headers"] = [*headers, *security_headers(scope, headers)]
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)
