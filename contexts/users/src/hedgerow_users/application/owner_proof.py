"""The proof that whoever is logged in is the owner: asked for before an account can be carried away."""

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

    async def begun(self, account_id: AccountId, current: Secret, code: Secret | None) -> PasswordHash:
        """The hash that the password matched. A code takes one of the guesses that logins share.

        Whether the code is good is for the transaction to say that it allows: `SecondProof`.

        Raises:
            RateLimitError: no guess is left.
            WrongPassword, AccountGone, HashingBusy: as `CurrentPassword.verified`.
        """
        verified = await self._current_password.verified(account_id, current)
        if code is not None:
            await self._guesses.spend(account_id)
        return verified
