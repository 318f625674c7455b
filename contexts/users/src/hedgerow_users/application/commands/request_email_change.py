"""Ask for another address: the owner proves the password, then confirms out of the new mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret, new_id
from hedgerow_users.application.link_ports import LinkRequest
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.second_proof import SecondProof
from hedgerow_users.application.tasks.send_link import SendLink
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.proof_errors import WrongPassword


@final
class RequestEmailChange:
    """Checks who asks, so that a session left open somewhere can't carry the account away."""

    def __init__(self, bus: Bus, proof: OwnerProof) -> None:
        self._bus = bus
        self._proof = proof

    async def __call__(
        self, *, account_id: AccountId, current: Secret, email: str, code: Secret | None = None
    ) -> None:
        """Have a link mailed to the new address. Whether it is taken is not said.

        `code` is of the second factor, if there is one.

        Raises:
            InvalidEmail: it is no address.
            WrongPassword: the current one is not what was given.
            CodeMissing, WrongCode: the account has a second factor, and that was not proven.
            RateLimitError: too many guesses at either.
            AccountGone: the account was removed.
            HashingBusy: too many passwords wait to be hashed.
        """
        address = Email.written(email)
        verified = await self._proof.begun(account_id, current, code)
        await self._bus.execute(
            ReserveEmailChange(account_id=account_id, verified=verified, email=address, code=code)
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveEmailChange(Command[None]):
    """Make room for the link, and have it mailed. Internal: the edge calls `RequestEmailChange`."""

    account_id: AccountId
    verified: PasswordHash
    email: Email
    code: Secret | None


@final
class ReserveEmailChangeHandler:
    """Reserves a place that a changed password takes away again: then the mail that waits is never sent."""

    def __init__(self, proof: SecondProof, clock: Clock) -> None:
        self._proof = proof
        self._clock = clock

    async def __call__(self, command: ReserveEmailChange, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            WrongPassword: the password was changed while it was checked.
            CodeMissing, WrongCode: as `SecondProof.besides_password`.
        """
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        if account.password_hash != command.verified:
            raise WrongPassword
        await self._proof.besides_password(account, command.code, work)
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
