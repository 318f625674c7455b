"""What a caller gets who has logged in or refreshed: two tokens for one session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hedgerow_core.domain import Secret
from hedgerow_users.application.token_ports import AccessTokens
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.second_factor import SecondFactorPolicy
from hedgerow_users.domain.session import Session, SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """What a committed transaction hands over: the session, and the refresh token it has just issued."""

    id: SessionId
    account_id: AccountId
    roles: tuple[str, ...]
    """Those that it carries, which may be fewer than the account has."""
    refresh_token: Secret
    needs_second_factor: bool = False
    """Whether it carries fewer roles than the account has, because it has proven no second factor."""


def live_session(
    session: Session, account: Account, refresh_token: Secret, policy: SecondFactorPolicy
) -> LiveSession:
    """A session with the roles that it may carry by now."""
    return LiveSession(
        id=session.id,
        account_id=account.id,
        roles=policy.carried(account.roles, proven=session.proven),
        refresh_token=refresh_token,
        needs_second_factor=not session.proven and policy.demands(account.roles),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTokens:
    """The pair for the caller. `expires_in` is the access token's lifetime."""

    access_token: Secret
    refresh_token: Secret
    expires_in: timedelta
    needs_second_factor: bool = False


async def tokens_for(session: LiveSession, access_tokens: AccessTokens) -> SessionTokens:
    """Add an access token. Called after the commit: a token must not speak for a session that never was."""
    access = await access_tokens.issue(account_id=session.account_id, session_id=session.id, roles=session.roles)
    return SessionTokens(
        access_token=access.token,
        refresh_token=session.refresh_token,
        expires_in=access.lifetime,
        needs_second_factor=session.needs_second_factor,
    )
