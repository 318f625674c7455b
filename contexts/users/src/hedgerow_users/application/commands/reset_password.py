"""Reset the password: whoever has the code of our mail sets another one, without knowing the old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.link_ports import LinkMint
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.link import Purpose, hash_of
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.proof_errors import InvalidLink
from hedgerow_users.domain.session import EndReason


@final
class ResetPassword:
    """Hashes the new password, then redeems the code and replaces the password in a short transaction."""

    def __init__(
        self, bus: Bus, links: LinkMint, accounts: AccountReader, hasher: PasswordHasher, clock: Clock
    ) -> None:
        self._bus = bus
        self._links = links
        self._accounts = accounts
        self._hasher = hasher
        self._clock = clock

    async def __call__(self, *, code: Secret, new: Secret) -> None:
        """Set another password.

        Raises:
            UnsuitablePassword: it is too short or long, or too easily guessed. The code stays good.
            InvalidLink: the code is not, or no longer, good.
            HashingBusy: too many passwords wait to be hashed.
        """
        hash = hash_of(code)
        # Looked at first, so that nobody makes us hash by inventing codes.
        owner_id = await self._links.owner_of(hash, Purpose.RESET_PASSWORD, at=self._clock.now())
        owner = await self._accounts.view(owner_id) if owner_id else None
        if owner is None:
            raise InvalidLink
        chosen = Password.chosen(new, field="new_password", owner=(owner.email, owner.name))
        replacement = await self._hasher.hash(chosen)
        await self._bus.execute(ReplaceForgottenPassword(code_hash=hash, replacement=replacement))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceForgottenPassword(Command[AccountId]):
    """Replace the password of the account that a code stands for. Internal: the edge calls `ResetPassword`."""

    code_hash: bytes
    replacement: PasswordHash


@final
class ReplaceForgottenPasswordHandler:
    """Redeems the code, stores the hash, and ends all sessions of the account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: ReplaceForgottenPassword, work: UsersUnitOfWork) -> AccountId:
        """Handle the command.

        Raises:
            InvalidLink: somebody else was faster, or the account has another address, or none, by now.
        """
        now = self._clock.now()
        link = await work.links.redeem(command.code_hash, Purpose.RESET_PASSWORD, at=now)
        account = await work.accounts.find(link.account_id) if link else None
        if link is None or account is None or not account.is_active or account.email != link.email:
            raise InvalidLink
        account.change_password(command.replacement, at=now)
        account.verify_email(at=now)  # the code came by mail
        await work.accounts.save(account)
        # What somebody else has begun in the owner's name ends with the old password.
        await work.links.forget(account.id)
        await work.sessions.end_all(account.id, EndReason.PASSWORD_CHANGED, at=now)
        return account.id
