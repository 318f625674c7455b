"""What every answer tells a browser, in case one is on the other side: guess, frame and load nothing."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Scope

Header = tuple[bytes, bytes]

_EVERY_ANSWER: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_DATA: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PAGE: Header = (b"content-security-policy", b"frame-ancestors 'none'")
"""The pages that this host serves itself, such as /docs, load scripts."""
_HTTPS: Header = (b"strict-transport-security", b"max-age=63072000")
"""Two years. Said over https only (RFC 6797 §7.2): behind a proxy, that is what X-Forwarded-Proto says."""

_OF_ONE_READER: Header = (b"cache-control", b"private, no-cache")
"""Of answers to a cookie: shared caches keep their hands off Authorization by themselves (RFC 9111 §3.5)."""


def security_headers(scope: Scope, headers: Iterable[Header]) -> list[Header]:
    """The fields to add to an answer with these; what the answer says itself stands."""
    own = dict(headers)
    is_page = own.get(b"content-type", b"").startswith(b"text/html")
    wanted = [*_EVERY_ANSWER, _PAGE if is_page else _DATA]
    if scope.get("state", {}).get("by_cookie"):
        wanted.append(_OF_ONE_READER)
    if scope["scheme"] == "https":
        wanted.append(_HTTPS)
    return [header for header in wanted if header[0] not in own]
