"""Access tokens as signed JWTs (RFC 9068), good for five minutes at most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import final

import jwt

from hedgerow_core.domain import Clock, Secret, new_id
from hedgerow_core.security.tokens import ALGORITHM, TOKEN_TYPE
from hedgerow_users.application.token_ports import AccessToken
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.session import SessionId
from hedgerow_users.infrastructure.signing_keys import SigningKeys


@final
class JwtAccessTokens:
    """Signs access tokens (port `AccessTokens`)."""

    def __init__(self, keys: SigningKeys, clock: Clock, *, issuer: str, audience: str, lifetime: timedelta) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime

    async def issue(self, *, account_id: AccountId, session_id: SessionId, roles: Sequence[str]) -> AccessToken:
        """A token that speaks for the account, good from now on."""
        key = await self._keys.current()
        # With its fraction (RFC 7519 §2 allows that), so that a revocation divides a second, too.
        issued_at = self._clock.now().timestamp()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(account_id),
            "iat": issued_at,
            "exp": issued_at + self._lifetime.total_seconds(),
            "jti": str(new_id()),
            "sid": str(session_id),
            "roles": list(roles),
        }
        token = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": key.kid})
        return AccessToken(token=Secret(token), lifetime=self._lifetime)
