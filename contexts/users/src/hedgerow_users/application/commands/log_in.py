"""Log in: whoever knows address and password gets a session and its first tokens."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Secret
from hedgerow_users.application.account_ports import AccountReader, Credentials
from hedgerow_users.application.commands.refuse_log_in import RefuseLogIn
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHash
from hedgerow_users.application.password_ports import HashingBusy, PasswordHasher
from hedgerow_users.application.second_factor_ports import CodeGuesses
from hedgerow_users.application.session_tokens import LiveSession, SessionTokens, tokens_for
from hedgerow_users.application.starting import SessionStart
from hedgerow_users.application.token_ports import AccessTokens
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import InvalidEmail
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.proof_errors import InvalidCredentials


@final
class LogIn:
    """Reads the credentials, checks the password, then starts a session: three steps, one of them slow."""

    def __init__(
        self,
        bus: Bus,
        accounts: AccountReader,
        hasher: PasswordHasher,
        access_tokens: AccessTokens,
        guesses: CodeGuesses,
    ) -> None:
        self._bus = bus
        self._accounts = accounts
        self._hasher = hasher
        self._access_tokens = access_tokens
        self._guesses = guesses

    async def __call__(
        self, *, email: str, password: Secret, code: Secret | None = None, client: Client = UNKNOWN_CLIENT
    ) -> SessionTokens:
        """Log somebody in. `code` is of the second factor, or a recovery code.

        Raises:
            InvalidCredentials: no such account, or wrong password; both answers cost the same work.
            AccountDeactivated, EmailNotVerified: the password is right, and the account may not be used.
            SecondFactorRequired, InvalidCode: the password is right, and the code is missing or no good.
            RateLimitError: the password is right, and too many codes were guessed at this account.
            HashingBusy: too many passwords wait to be hashed.
        """
        known = await self._credentials_of(email)
        presented = Password.presented(password)
        matches = await self._hasher.matches(presented, known.password_hash if known else None)
        if known is None or known.password_hash is None or not matches:
            await self._bus.execute(RefuseLogIn(account_id=known.account_id if known else None))
            raise InvalidCredentials
        if code is not None:
            # Counted only now: who lacks the password can't use up the owner's guesses.
            await self._guesses.spend(known.account_id)
        session = await self._bus.execute(
            StartSession(account_id=known.account_id, verified=known.password_hash, client=client, code=code)
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
    code: Secret | None = None


@final
class StartSessionHandler:
    """Starts the session if the password that was checked is still the account's password."""

    def __init__(self, start: SessionStart) -> None:
        self._start = start

    async def __call__(self, command: StartSession, work: UsersUnitOfWork) -> LiveSession:
        """Handle the command.

        Raises:
            InvalidCredentials: the password was changed, or the account removed, while it was checked.
            AccountDeactivated, EmailNotVerified, SecondFactorRequired, InvalidCode: as `SessionStart.begin`.
        """
        # Held, so that a password change at this moment either comes first and is seen here, or comes after
        # and ends this session with the others.
        account = await work.accounts.hold(command.account_id)
        if account is None or account.password_hash != command.verified:
            raise InvalidCredentials
        return await self._start.begin(account, command.code, command.client, work)
