"""Refresh: a refresh token is traded for a new pair. A token that comes twice ends its session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.ports import AccessTokens, UsersUnitOfWork
from hedgerow_users.application.session_tokens import LiveSession, SessionTokens, tokens_for
from hedgerow_users.domain.errors import InvalidRefreshToken, RefreshTokenReused
from hedgerow_users.domain.session import EndReason, RefreshToken


@final
class RefreshSession:
    """Rotates the refresh token, then says what came of it."""

    def __init__(self, bus: Bus, access_tokens: AccessTokens) -> None:
        self._bus = bus
        self._access_tokens = access_tokens

    async def __call__(self, *, refresh_token: Secret) -> SessionTokens:
        """Trade a refresh token for a new pair.

        Raises:
            RefreshTokenReused: it was used before. Its session is ended, and that is committed already.
            InvalidRefreshToken: it is unknown or expired, or its session is over.
        """
        outcome = await self._bus.execute(RotateRefreshToken(presented=refresh_token))
        if isinstance(outcome, ReuseFound):
            raise RefreshTokenReused
        return await tokens_for(outcome, self._access_tokens)


@final
@dataclass(frozen=True, slots=True)
class ReuseFound:
    """The token had been used. An outcome and no error: an error would roll back the end of the session."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRefreshToken(Command[LiveSession | ReuseFound]):
    """Use up a refresh token and issue its successor. Internal: the edge calls `RefreshSession`."""

    presented: Secret


@final
class RotateRefreshTokenHandler:
    """Redeems by compare-and-set, so that one of any number of simultaneous callers wins (RFC 9700 §4.14.2)."""

    def __init__(self, clock: Clock, refresh_token_lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = refresh_token_lifetime

    async def __call__(self, command: RotateRefreshToken, work: UsersUnitOfWork) -> LiveSession | ReuseFound:
        """Handle the command.

        Raises:
            InvalidRefreshToken: unknown, expired or its session is over; the token is not used up by this.
        """
        hash = RefreshToken.hash_of(command.presented)
        redeemed = await work.sessions.redeem(hash, at=self._clock.now())
        if redeemed is None:
            return await self._end_family(hash, work)
        return await self._continue(redeemed, work)

    async def _continue(self, redeemed: RefreshToken, work: UsersUnitOfWork) -> LiveSession:
        now = self._clock.now()
        session = await work.sessions.hold(redeemed.session_id)
        account = await work.accounts.find(session.account_id)
        if account is None or not account.is_active or session.is_over or redeemed.has_expired(now):
            raise InvalidRefreshToken
        secret, successor = RefreshToken.issue(session, at=now, lifetime=self._lifetime)
        await work.sessions.add_token(successor)
        return LiveSession(id=session.id, account_id=account.id, roles=account.roles, refresh_token=secret)

    async def _end_family(self, hash: bytes, work: UsersUnitOfWork) -> ReuseFound:
        session = await work.sessions.hold_family(hash)
        if session is None:
            raise InvalidRefreshToken
        session.end(EndReason.TOKEN_REUSED, at=self._clock.now())
        await work.sessions.save(session)
        return ReuseFound()
