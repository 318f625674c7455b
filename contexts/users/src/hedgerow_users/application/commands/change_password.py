"""Change the password: who knows the current one sets another, and every session has to log in again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, ConflictError, Secret
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.application.second_proof import SecondProof
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.session import EndReason


@final
class ChangePassword:
    """Checks the current password, hashes the new one, then replaces it in a short transaction."""

    def __init__(self, bus: Bus, accounts: AccountReader, hasher: PasswordHasher, proof: OwnerProof) -> None:
        self._bus = bus
        self._proof = proof
        self._accounts = accounts
        self._hasher = hasher

    async def __call__(
        self, *, account_id: AccountId, current: Secret, new: Secret, code: Secret | None = None
    ) -> None:
        """Change somebody's password. `code` is of the second factor, if there is one.

        Raises:
            UnsuitablePassword: the new one is too short or long, or too easily guessed.
            WrongPassword: the current one is not what was given.
            CodeMissing, WrongCode: the account has a second factor, and that was not proven.
            RateLimitError: too many guesses at either.
            AccountGone: the account was removed.
            ConflictError: `concurrent_change`, the account changed meanwhile.
            HashingBusy: too many passwords wait to be hashed.
        """
        owner = await self._accounts.view(account_id)
        if owner is None:
            raise AccountGone
        chosen = Password.chosen(new, field="new_password", owner=(owner.email, owner.name))
        verified = await self._proof.begun(account_id, current, code)
        replacement = await self._hasher.hash(chosen)
        await self._bus.execute(
            ReplacePassword(account_id=account_id, verified=verified, replacement=replacement, code=code)
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacePassword(Command[None]):
    """Replace the password that `verified` stands for. Internal: the edge calls `ChangePassword`."""

    account_id: AccountId
    verified: PasswordHash
    replacement: PasswordHash
    code: Secret | None


@final
class ReplacePasswordHandler:
    """Stores the new hash and ends all sessions of the account, the caller's own included."""

    def __init__(self, proof: SecondProof, clock: Clock) -> None:
        self._proof = proof
        self._clock = clock

    async def __call__(self, command: ReplacePassword, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountGone: the account was removed.
            ConflictError: `concurrent_change`, the password is no longer the one that was checked.
            CodeMissing, WrongCode: as `SecondProof.besides_password`.
        """
        # Taken: waits for logins that hold the account, so that their sessions are seen below, and ended.
        account = await work.accounts.take(command.account_id)
        if account is None:
            raise AccountGone
        if account.password_hash != command.verified:
            raise ConflictError(
                "The password was changed at the same moment. Log in with the new one and try again.",
                code="concurrent_change",
            )
        await self._proof.besides_password(account, command.code, work)
        now = self._clock.now()
        account.change_password(command.replacement, at=now)
        await work.accounts.save(account)
        await work.links.forget(account.id)  # one that a stranger has asked for must not outlive this
        await work.sessions.end_all(account.id, EndReason.PASSWORD_CHANGED, at=now)
