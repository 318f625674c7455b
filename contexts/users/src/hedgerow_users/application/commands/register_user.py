"""Register: a newcomer chooses address, name and password, and has an account.

Nobody learns from it whether the address has one already: a taken address costs the same work and gets the same
answer. What came of it is told by mail, to whoever reads that address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret, new_id
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.application.tasks.answer_registration import AnswerRegistration
from hedgerow_users.application.tasks.send_link import moment_of
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import Password, PasswordHash


@final
class RegisterUser:
    """Checks what the newcomer wrote, hashes the password, then opens the account in a short transaction."""

    def __init__(self, bus: Bus, hasher: PasswordHasher) -> None:
        self._bus = bus
        self._hasher = hasher

    async def __call__(self, *, email: str, password: Secret, name: str) -> None:
        """Register somebody. Whether the address was free is not said.

        Raises:
            InvalidEmail, InvalidName, UnsuitablePassword: what was written is not acceptable.
            HashingBusy: too many passwords wait to be hashed.
        """
        address, called = Email.written(email), Name.written(name)
        chosen = Password.chosen(password, owner=(address.address, called.text))
        password_hash = await self._hasher.hash(chosen)
        await self._bus.execute(OpenAccount(email=address, name=called, password_hash=password_hash))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(Command[AccountId | None]):
    """Open an account with a password that is already hashed. Internal: the edge calls `RegisterUser`.

    Answers with its id, or None if the address is taken.
    """

    email: Email
    name: Name
    password_hash: PasswordHash


@final
class OpenAccountHandler:
    """Adds the account if the address is free, and has a worker write to whoever reads the address.

    Whether it is free is decided by the database alone, which sees races too. Either way the same statements run.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: OpenAccount, work: UsersUnitOfWork) -> AccountId | None:
        """Handle the command."""
        account = Account.register(
            email=command.email,
            name=command.name,
            password_hash=command.password_hash,
            at=self._clock.now(),
        )
        added = await work.accounts.add_if_free(account)
        await work.tasks.enqueue(
            AnswerRegistration(request_id=new_id(), account_id=account.id, email=account.email.address),
            key=f"{account.email.identity}:{moment_of(account.created_at)}",
        )
        return account.id if added else None
