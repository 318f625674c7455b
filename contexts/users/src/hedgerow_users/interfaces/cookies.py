"""Cookie mode: tokens of pages in a browser travel in cookies that no script reads. Off unless settings say so."""

from __future__ import annotations

from datetime import timedelta
from typing import final

from fastapi import Request, Response

from hedgerow_core.domain import Secret
from hedgerow_core.http import OriginCheck
from hedgerow_users.application.session_tokens import SessionTokens
from hedgerow_users.domain.session_errors import CookiesOff
from hedgerow_users.interfaces.schemas import MAX_PRESENTED, CookiesAnswer

ACCESS_COOKIE = "__Host-hedgerow_access"
"""The prefix has browsers refuse it without Secure, with a Domain, or below another path (RFC 6265bis §4.1.3)."""
REFRESH_COOKIE = "__Secure-hedgerow_refresh"
REFRESH_PATH = "/v1/users"
"""Sent to no other context."""


@final
class Cookies:
    """Hands tokens out in cookies, and finds the refresh token there again."""

    def __init__(self, *, enabled: bool, origins: OriginCheck, refresh_token_lifetime: timedelta) -> None:
        self._enabled = enabled
        self._origins = origins
        self._refresh_lifetime = refresh_token_lifetime

    def demand(self, request: Request) -> None:
        """Let a request pass that wants cookies.

        Raises:
            CookiesOff: this host gives out none.
            AuthorizationError: `cross_origin`, a stranger's page would log its visitor in as somebody else.
        """
        if not self._enabled:
            raise CookiesOff
        self._origins.demand(request)

    def refresh_token_in(self, request: Request) -> Secret | None:
        """The refresh token that a browser sends along; None if there is none.

        Raises:
            AuthorizationError: `cross_origin`, there is one, and a stranger's page has sent the request.
        """
        presented = request.cookies.get(REFRESH_COOKIE) if self._enabled else None
        if not presented:
            return None
        self._origins.demand(request)
        return Secret(presented[:MAX_PRESENTED])

    def hand_out(self, response: Response, tokens: SessionTokens) -> CookiesAnswer:
        """Set both cookies; the answer tells no secret."""
        self._set(response, ACCESS_COOKIE, tokens.access_token, tokens.expires_in)
        self._set(response, REFRESH_COOKIE, tokens.refresh_token, self._refresh_lifetime)
        return CookiesAnswer.of(tokens)

    def take_back(self, response: Response) -> None:
        """Have the browser forget both."""
        for name in (ACCESS_COOKIE, REFRESH_COOKIE):
            self._set(response, name, Secret(""), timedelta(0))

    def _set(self, response: Response, name: str, value: Secret, lifetime: timedelta) -> None:
        of_refresh = name == REFRESH_COOKIE
        response.set_cookie(
            name,
            value.reveal(),
            max_age=int(lifetime.total_seconds()),
            path=REFRESH_PATH if of_refresh else "/",
            secure=True,
            httponly=True,
            samesite="strict" if of_refresh else "lax",
        )
