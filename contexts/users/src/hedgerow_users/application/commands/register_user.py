"""Register: a newcomer chooses address, name and password, and has an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.ports import PasswordHasher, UsersUnitOfWork
from hedgerow_users.application.tasks.send_link import ask_for_link
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import Password, PasswordHash


@final
class RegisterUser:
    """Checks what the newcomer wrote, hashes the password, then opens the account in a short transaction."""

    def __init__(self, bus: Bus, hasher: PasswordHasher) -> None:
        self._bus = bus
        self._hasher = hasher

    async def __call__(self, *, email: str, password: Secret, name: str) -> AccountView:
        """Register somebody.

        Raises:
            InvalidEmail, InvalidName, UnsuitablePassword: what was written is not acceptable.
            EmailTaken: the address has an account.
            HashingBusy: too many passwords wait to be hashed.
        """
        address, called = Email.written(email), Name.written(name)
        chosen = Password.chosen(password, owner=(address.address, called.text))
        password_hash = await self._hasher.hash(chosen)
        return await self._bus.execute(OpenAccount(email=address, name=called, password_hash=password_hash))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(Command[AccountView]):
    """Open an account with a password that is already hashed. Internal: the edge calls `RegisterUser`."""

    email: Email
    name: Name
    password_hash: PasswordHash


@final
class OpenAccountHandler:
    """Adds the account and asks for a mail that confirms its address.

    Whether the address is free is decided by the database alone, which sees races too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: OpenAccount, work: UsersUnitOfWork) -> AccountView:
        """Handle the command."""
        account = Account.register(
            email=command.email,
            name=command.name,
            password_hash=command.password_hash,
            at=self._clock.now(),
        )
        await work.accounts.add(account)
        await ask_for_link(work, Purpose.VERIFY_EMAIL, account.email, at=account.created_at)
        return view_of(account)
