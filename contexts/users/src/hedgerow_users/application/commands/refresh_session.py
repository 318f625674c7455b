"""Refresh: a refresh token is traded for a new pair. A token that comes twice ends its session.

Unless it comes again at once and from the same client, whose answer was lost on the way: then it gets the same
successor once more. So a session is one chain of tokens, however often somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_core.observability import log_of
from hedgerow_users.application.session_ports import RefreshSuccessors
from hedgerow_users.application.session_tokens import LiveSession, SessionTokens, live_session, tokens_for
from hedgerow_users.application.token_ports import AccessTokens
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client
from hedgerow_users.domain.second_factor import SecondFactorPolicy
from hedgerow_users.domain.session import EndReason, RefreshToken, SessionId
from hedgerow_users.domain.session_errors import InvalidRefreshToken, RefreshTokenReused

_log = log_of(__name__)


@final
class RefreshSession:
    """Rotates the refresh token, then says what came of it."""

    def __init__(self, bus: Bus, access_tokens: AccessTokens) -> None:
        self._bus = bus
        self._access_tokens = access_tokens

    async def __call__(self, *, refresh_token: Secret, client: Client = UNKNOWN_CLIENT) -> SessionTokens:
        """Trade a refresh token for a new pair.

        Raises:
            RefreshTokenReused: it was used before. Its session is ended, and that is committed already.
            InvalidRefreshToken: it is unknown or expired, or its session is over.
        """
        outcome = await self._bus.execute(RotateRefreshToken(presented=refresh_token, client=client))
        if isinstance(outcome, ReuseFound):
            _log.warning("refresh_token_reused", account=str(outcome.account_id), session=str(outcome.session_id))
            raise RefreshTokenReused
        return await tokens_for(outcome, self._access_tokens)


@final
@dataclass(frozen=True, slots=True)
class ReuseFound:
    """The token had been used. An outcome and no error: an error would roll back the end of the session."""

    session_id: SessionId
    account_id: AccountId


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRefreshToken(Command[LiveSession | ReuseFound]):
    """Use up a refresh token and issue its successor. Internal: the edge calls `RefreshSession`."""

    presented: Secret
    client: Client


@final
class RotateRefreshTokenHandler:
    """Redeems by compare-and-set, so that one of any number of simultaneous callers wins (RFC 9700 §4.14.2)."""

    def __init__(
        self,
        clock: Clock,
        successors: RefreshSuccessors,
        refresh_token_lifetime: timedelta,
        session_lifetime: timedelta,
        policy: SecondFactorPolicy = SecondFactorPolicy(),  # noqa: B008 - frozen
    ) -> None:
        self._clock = clock
        self._successors = successors
        self._lifetime = refresh_token_lifetime
        self._policy = policy
        self._session_lifetime = session_lifetime

    async def __call__(self, command: RotateRefreshToken, work: UsersUnitOfWork) -> LiveSession | ReuseFound:
        """Handle the command.

        Raises:
            InvalidRefreshToken: unknown, expired or its session is over; the token is not used up by this.
        """
        redeemed = await work.sessions.redeem(
            RefreshToken.hash_of(command.presented), command.client, at=self._clock.now()
        )
        if redeemed is None:
            return await self._presented_again(command, work)
        return await self._continue(redeemed, command, work)

    async def _continue(
        self, redeemed: RefreshToken, command: RotateRefreshToken, work: UsersUnitOfWork
    ) -> LiveSession:
        now = self._clock.now()
        session = await work.sessions.see(redeemed.session_id, command.client, at=now)
        account = await work.accounts.find(session.account_id)
        if account is None or not account.is_active or session.is_over or redeemed.has_expired(now):
            raise InvalidRefreshToken
        if session.has_outlived(self._session_lifetime, at=now):
            raise InvalidRefreshToken
        secret = self._successors.of(command.presented)[0]
        await work.sessions.add_token(RefreshToken.of(secret, session, at=now, lifetime=self._lifetime))
        return live_session(session, account, secret, self._policy)

    async def _presented_again(
        self, command: RotateRefreshToken, work: UsersUnitOfWork
    ) -> LiveSession | ReuseFound:
        session = await work.sessions.hold_family(RefreshToken.hash_of(command.presented))
        if session is None or session.has_outlived(self._session_lifetime, at=self._clock.now()):
            raise InvalidRefreshToken
        secret = await self._unused_successor(command, work)
        account = await work.accounts.find(session.account_id)
        if secret is None or account is None or session.is_over:
            session.end(EndReason.TOKEN_REUSED, at=self._clock.now())
            await work.sessions.save(session)
            return ReuseFound(session.id, session.account_id)
        return live_session(session, account, secret, self._policy)

    async def _unused_successor(self, command: RotateRefreshToken, work: UsersUnitOfWork) -> Secret | None:
        """The successor that was given out for this token, if its answer may have been lost."""
        used = await work.sessions.find_token(RefreshToken.hash_of(command.presented))
        if used is None or not used.may_come_again(command.client, at=self._clock.now()):
            return None
        for secret in self._successors.of(command.presented):
            successor = await work.sessions.find_token(RefreshToken.hash_of(secret))
            if successor is not None and successor.used_at is None:
                return secret
        return None
