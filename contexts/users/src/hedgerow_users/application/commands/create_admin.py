"""Create a super_admin: the first one of an installation, by somebody who may run commands beside its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.account_errors import AdminAddressTaken, EmailTaken
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import Password, PasswordHash

ROLES_OF_AN_ADMIN = ("super_admin",)


@final
class CreateAdmin:
    """Checks what was typed, hashes the password, then opens the account in a short transaction."""

    def __init__(self, bus: Bus, hasher: PasswordHasher) -> None:
        self._bus = bus
        self._hasher = hasher

    async def __call__(self, *, email: str, password: Secret, name: str) -> AccountView:
        """Create a super_admin.

        Raises:
            InvalidEmail, InvalidName, UnsuitablePassword: what was written is not acceptable.
            AdminAddressTaken: the address has an account.
        """
        address, called = Email.written(email), Name.written(name)
        chosen = Password.chosen(password, owner=(address.address, called.text))
        password_hash = await self._hasher.hash(chosen)
        command = OpenAdminAccount(email=address, name=called, password_hash=password_hash)
        try:
            return await self._bus.execute(command)
        except EmailTaken as error:
            raise AdminAddressTaken from error


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAdminAccount(Command[AccountView]):
    """Open a super_admin's account. Internal: the command line calls `CreateAdmin`; no route leads here."""

    email: Email
    name: Name
    password_hash: PasswordHash


@final
class OpenAdminAccountHandler:
    """Adds the account; whether the address is free is decided by the database alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: OpenAdminAccount, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            EmailTaken: the address has an account.
        """
        account = Account.register(
            email=command.email,
            name=command.name,
            password_hash=command.password_hash,
            at=self._clock.now(),
            roles=ROLES_OF_AN_ADMIN,
        )
        await work.accounts.add(account)
        return view_of(account)
