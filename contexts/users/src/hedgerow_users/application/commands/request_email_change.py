"""Ask for another address: the owner proves the password, then confirms out of the new mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret, new_id
from hedgerow_users.application.current_password import CurrentPassword
from hedgerow_users.application.link_ports import LinkRequest
from hedgerow_users.application.ports import UsersUnitOfWork
from hedgerow_users.application.tasks.send_link import SendLink
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.errors import AccountGone, WrongPassword
from hedgerow_users.domain.link import Purpose
from hedgerow_users.domain.password import PasswordHash


@final
class RequestEmailChange:
    """Checks the password, so that a session left open somewhere can't carry the account away."""

    def __init__(self, bus: Bus, current_password: CurrentPassword) -> None:
        self._bus = bus
        self._current_password = current_password

    async def __call__(self, *, account_id: AccountId, current: Secret, email: str) -> None:
        """Have a link mailed to the new address. Whether it is taken is not said.

        Raises:
            InvalidEmail: it is no address.
            WrongPassword: the current one is not what was given.
            RateLimitError: too many guesses at it.
            AccountGone: the account was removed.
            HashingBusy: too many passwords wait to be hashed.
        """
        address = Email.written(email)
        verified = await self._current_password.verified(account_id, current)
        await self._bus.execute(ReserveEmailChange(account_id=account_id, verified=verified, email=address))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveEmailChange(Command[None]):
    """Make room for the link, and have it mailed. Internal: the edge calls `RequestEmailChange`."""

    account_id: AccountId
    verified: PasswordHash
    email: Email


@final
class ReserveEmailChangeHandler:
    """Reserves a place that a changed password takes away again: then the mail that waits is never sent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: ReserveEmailChange, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            WrongPassword: the password was changed while it was checked.
        """
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        if account.password_hash != command.verified:
            raise WrongPassword
        request = LinkRequest(id=new_id(), purpose=Purpose.CHANGE_EMAIL, email=command.email, account_id=account.id)
        if not await work.links.reserve(request, at=self._clock.now()):
            return
        await work.tasks.enqueue(
            SendLink(
                request_id=request.id,
                purpose=request.purpose,
                email=request.email.address,
                account_id=account.id,
            ),
            key=str(request.id),
        )
