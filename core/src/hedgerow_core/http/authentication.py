"""Finds out who sends a request: by its access token, or by an API key in the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import Request

from hedgerow_core.application import current_cause, set_cause
from hedgerow_core.domain import AuthenticationError
from hedgerow_core.http.networks import network_of
from hedgerow_core.security import KeyAuthority, Principal, TokenVerifier
from hedgerow_core.security.keys import key_refused


class Authentication:
    """The first stage of every route that is not public. Built once at start."""

    def __init__(self, verifier: TokenVerifier, keys: Sequence[KeyAuthority] = ()) -> None:
        self._verifier = verifier
        self._keys = keys

    async def __call__(self, request: Request) -> None:
        """Note on the request who sends it.

        Raises:
            AuthenticationError: nobody says so, or nobody we believe.
            UnavailableError: it can't be known right now.
        """
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise AuthenticationError("This needs an access token: send `Authorization: Bearer <token>`.")
        principal = await self._principal_of(credential.strip(), request)
        request.state.principal = principal
        set_cause(replace(current_cause(), actor=str(principal.subject)))

    async def _principal_of(self, credential: str, request: Request) -> Principal:
        for authority in self._keys:
            if credential.startswith(authority.prefix):
                principal = await authority.find(credential, network_of(request.scope))
                if principal is None:
                    raise key_refused()
                return principal
        return await self._verifier.verify(credential)
