"""Where a request with a cookie comes from: a browser sends cookies along whoever has asked it to (CSRF).

Fetch Metadata and `Origin` are set by the browser, and no page can change them. Whoever sends an access token in
the header Authorization is not asked: no browser does so by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request

from hedgerow_core.domain import AuthorizationError
from hedgerow_core.security.scopes import SAFE_METHODS


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieMode:
    """For the hook `authenticators`: access tokens of this host may also come in this cookie."""

    access_cookie: str


class OriginCheck:
    """Lets pages of our own origin act with a cookie, and those of `trusted` origins. Built once at start."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = frozenset(trusted)

    def demand(self, request: Request) -> None:
        """Let a request pass that a page of a good origin has sent; what says nothing of its origin does not.

        Raises:
            AuthorizationError: `cross_origin`.
        """
        sites, origins = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
        if sites == ["same-origin"]:
            return
        if len(origins) == 1 and origins[0] in self._trusted:
            return
        # Compared with our own name only for browsers without Fetch Metadata: the others have said already that it
        # comes from elsewhere.
        if not sites and origins == [_own_origin(request)]:
            return
        raise AuthorizationError(
            "With a cookie, only pages of this origin may do this. Call from there, or send the access token in "
            "the header Authorization.",
            code="cross_origin",
        )

    def demand_if_unsafe(self, request: Request) -> None:
        """As `demand`, for methods that may change something."""
        if request.method not in SAFE_METHODS:
            self.demand(request)


def _own_origin(request: Request) -> str:
    """As the browser writes it: scheme and `Host`, which names the port unless it is the scheme's own."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}".lower()
