"""The proof before a second factor is touched: the password is right, and guesses at codes are left."""

from __future__ import annotations

from typing import final

from hedgerow_core.domain import Secret
from hedgerow_users.application.current_password import CurrentPassword
from hedgerow_users.application.second_factor_ports import CodeGuesses
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.password import PasswordHash


@final
class OwnerProof:
    """Called by the edge: it hashes and counts, so never inside a transaction."""

    def __init__(self, current_password: CurrentPassword, guesses: CodeGuesses) -> None:
        self._current_password = current_password
        self._guesses = guesses

    async def before_a_code(self, account_id: AccountId, current: Secret) -> PasswordHash:
        """The hash that the password matched. Takes one of the guesses at codes that logins share.

        Raises:
            RateLimitError: none is left.
            WrongPassword, AccountGone, HashingBusy: as `CurrentPassword.verified`.
        """
        verified = await self._current_password.verified(account_id, current)
        await self._guesses.spend(account_id)
        return verified
