"""Log in: whoever knows address and password gets a session and its first tokens."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHash
from hedgerow_users.application.ports import (
    AccessTokens,
    AccountReader,
    Credentials,
    HashingBusy,
    PasswordHasher,
    UsersUnitOfWork,
)
from hedgerow_users.application.session_tokens import LiveSession, SessionTokens, tokens_for
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.errors import AccountDeactivated, EmailNotVerified, InvalidCredentials, InvalidEmail
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.session import RefreshToken, Session


@final
class LogIn:
    """Reads the credentials, checks the password, then starts a session: three steps, one of them slow."""

    def __init__(
        self, bus: Bus, accounts: AccountReader, hasher: PasswordHasher, access_tokens: AccessTokens
    ) -> None:
        self._bus = bus
        self._accounts = accounts
        self._hasher = hasher
        self._access_tokens = access_tokens

    async def __call__(self, *, email: str, password: Secret, client: Client = UNKNOWN_CLIENT) -> SessionTokens:
        """Log somebody in.

        Raises:
            InvalidCredentials: no such account, or wrong password; both answers cost the same work.
            AccountDeactivated, EmailNotVerified: the password is right, and the account may not be used.
            HashingBusy: too many passwords wait to be hashed.
        """
        known = await self._credentials_of(email)
        presented = Password.presented(password)
        matches = await self._hasher.matches(presented, known.password_hash if known else None)
        if known is None or known.password_hash is None or not matches:
            raise InvalidCredentials
        session = await self._bus.execute(
            StartSession(account_id=known.account_id, verified=known.password_hash, client=client)
        )
        if self._hasher.is_outdated(known.password_hash):
            await self._renew(known.account_id, presented, known.password_hash)
        return await tokens_for(session, self._access_tokens)

    async def _renew(self, account_id: AccountId, password: Password, outdated: PasswordHash) -> None:
        """Now is the only time at which the password is known. If too many wait: at the next login."""
        with suppress(HashingBusy):
            renewed = await self._hasher.hash(password)
            await self._bus.execute(RenewPasswordHash(account_id=account_id, outdated=outdated, renewed=renewed))

    async def _credentials_of(self, email: str) -> Credentials | None:
        try:
            address = Email.written(email)
        except InvalidEmail:
            return None
        return await self._accounts.credentials_of_email(address)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession(Command[LiveSession]):
    """Start a session for somebody whose password matched `verified`. Internal: the edge calls `LogIn`."""

    account_id: AccountId
    verified: PasswordHash
    client: Client


@final
class StartSessionHandler:
    """Starts the session if the password that was checked is still the account's password."""

    def __init__(
        self, clock: Clock, refresh_token_lifetime: timedelta, *, require_verified_email: bool = False
    ) -> None:
        self._clock = clock
        self._lifetime = refresh_token_lifetime
        self._require_verified_email = require_verified_email

    async def __call__(self, command: StartSession, work: UsersUnitOfWork) -> LiveSession:
        """Handle the command.

        Raises:
            InvalidCredentials: the password was changed, or the account removed, while it was checked.
            AccountDeactivated: an administrator has closed the account.
            EmailNotVerified: nobody has confirmed its address, and the settings demand it.
        """
        # Held, so that a password change at this moment either comes first and is seen here, or comes after
        # and ends this session with the others.
        account = await work.accounts.hold(command.account_id)
        if account is None or account.password_hash != command.verified:
            raise InvalidCredentials
        if not account.is_active:
            raise AccountDeactivated
        if self._require_verified_email and account.verified_at is None:
            raise EmailNotVerified
        now = self._clock.now()
        session = Session.start(account.id, at=now, client=command.client)
        secret, token = RefreshToken.issue(session, at=now, lifetime=self._lifetime)
        await work.sessions.add(session)
        await work.sessions.add_token(token)
        return LiveSession(id=session.id, account_id=account.id, roles=account.roles, refresh_token=secret)
