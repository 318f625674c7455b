"""The proof before a second factor is touched: the password is right, and guesses at codes are left."""

from __future__ import annotations

from typing import final

from hedgerow_core.domain import Secret
from hedgerow_users.application.current_password import verified_hash
from hedgerow_users.application.ports import AccountReader, PasswordHasher
from hedgerow_users.application.second_factor_ports import CodeGuesses
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.password import PasswordHash


@final
class OwnerProof:
    """Called by the edge: it hashes and counts, so never inside a transaction."""

    def __init__(self, accounts: AccountReader, hasher: PasswordHasher, guesses: CodeGuesses) -> None:
        self._accounts = accounts
        self._hasher = hasher
        self._guesses = guesses

    async def by_password(self, account_id: AccountId, current: Secret) -> PasswordHash:
        """The hash that the password matched.

        Raises:
            WrongPassword, AccountGone, HashingBusy: as `verified_hash`.
        """
        return await verified_hash(account_id, current, accounts=self._accounts, hasher=self._hasher)

    async def before_a_code(self, account_id: AccountId, current: Secret) -> PasswordHash:
        """As `by_password`, and takes one of the guesses at codes that logins share.

        Raises:
            RateLimitError: none is left.
        """
        verified = await self.by_password(account_id, current)
        await self._guesses.spend(account_id)
        return verified
