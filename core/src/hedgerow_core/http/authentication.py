"""Finds out who sends a request: by its access token, by an API key in the same place, or by a cookie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import Request

from hedgerow_core.application import current_cause, set_cause
from hedgerow_core.domain import AuthenticationError, UnavailableError
from hedgerow_core.http.networks import network_of
from hedgerow_core.http.origins import CookieMode, OriginCheck
from hedgerow_core.security import IdentityUnknown, KeyAuthority, Principal, TokenIssuer, TokenVerifier
from hedgerow_core.security.keys import key_refused, looks_like_key
from hedgerow_core.security.scopes import SAFE_METHODS


class Authentication:
    """The first stage of every route that is not public."""

    def __init__(
        self,
        verifier: TokenVerifier,
        keys: Sequence[KeyAuthority] = (),
        *,
        cookies: Sequence[CookieMode] = (),
        origins: OriginCheck | None = None,
    ) -> None:
        self._verifier = verifier
        self._origins = origins or OriginCheck()
        self._keys = keys
        self._cookies = tuple(mode.access_cookie for mode in cookies)
        self._complete = True

    def believe(
        self,
        issuers: Sequence[TokenIssuer],
        keys: Sequence[KeyAuthority],
        cookies: Sequence[CookieMode],
        *,
        complete: bool = True,
    ) -> None:
        """Believe these and no others. Not `complete`: somebody elsewhere has not said yet for whom it vouches."""
        self._verifier.believe(issuers, complete=complete)
        self._complete = complete
        self._keys = keys
        self._cookies = tuple(mode.access_cookie for mode in cookies)

    async def __call__(self, request: Request) -> None:
        """Note on the request who sends it.

        Raises:
            AuthenticationError: nobody says so, or nobody we believe.
            AuthorizationError: `cross_origin`, a stranger's page has made a browser send its cookie.
            UnavailableError: it can't be known right now.
        """
        authorization = request.headers.get("authorization")
        cookie = self._cookie_of(request) if authorization is None else None
        if cookie is not None:
            self._origins.demand_if_unsafe(request)
            principal = await self._verifier.verify(cookie)  # a key is for programs, and no cookie holds one
        else:
            if authorization is None and request.cookies and not self._complete:
                raise IdentityUnknown  # one of them may hold a token
            scheme, _, credential = (authorization or "").partition(" ")
            if scheme.lower() != "bearer" or not credential:
                raise AuthenticationError("This needs an access token: send `Authorization: Bearer <token>`.")
            principal = await self._principal_of(credential.strip(), request)
        request.state.principal = principal
        set_cause(replace(current_cause(), actor=str(principal.subject)))

    def _cookie_of(self, request: Request) -> str | None:
        """The access token in a cookie. Nothing is looked for unless some context gives out cookies."""
        return next((request.cookies[name] for name in self._cookies if request.cookies.get(name)), None)

    async def _principal_of(self, credential: str, request: Request) -> Principal:
        for authority in self._keys:
            if credential.startswith(authority.prefix):
                principal = await _speaks_for(credential, authority, request)
                if principal is None:
                    raise key_refused()
                return principal
        if not self._complete and looks_like_key(credential):
            raise IdentityUnknown
        return await self._verifier.verify(credential)


async def _speaks_for(key: str, authority: KeyAuthority, request: Request) -> Principal | None:
    """Whom the key speaks for. If that can't be known, who only looks may go by what was known a moment ago."""
    try:
        return await authority.find(key, network_of(request.scope))
    except UnavailableError as error:
        recalled = authority.recall(key) if authority.recall and request.method in SAFE_METHODS else None
        if recalled is None:
            raise
        request.state.unconfirmed = error
        return recalled


def demand_confirmed(request: Request) -> None:
    """Stop a request here if nobody could confirm just now whose it is.

    Raises:
        UnavailableError: what kept us from knowing.
    """
    unconfirmed: UnavailableError | None = getattr(request.state, "unconfirmed", None)
    if unconfirmed is not None:
        raise unconfirmed
