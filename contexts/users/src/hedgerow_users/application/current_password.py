"""The proof that whoever is logged in also knows the password: asked for before an account can be carried away."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import final

from hedgerow_core.application import Claim, Quota, RateLimiter
from hedgerow_core.domain import Secret
from hedgerow_users.application.ports import AccountReader, PasswordHasher
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.errors import AccountGone, WrongPassword
from hedgerow_users.domain.password import Password, PasswordHash

AT_CURRENT_PASSWORD = Quota(name="login.current_password", limit=10, period=timedelta(hours=1), burst=10)
"""Guesses at the password of one account by whoever has an access token of it: as many as a login allows. Counted
apart from logins, so that strangers who guess there don't keep the owner from changing the password."""


@final
class PasswordGuesses:
    """Counts them, of all routes together that ask for the current password."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    async def spend(self, account_id: AccountId) -> None:
        """Take one guess.

        Raises:
            RateLimitError: none is left; nothing is compared.
        """
        claim = Claim(AT_CURRENT_PASSWORD, hashlib.sha256(account_id.bytes).hexdigest())
        (await self._limiter.spend(claim)).demand()


async def verified_hash(
    account_id: AccountId,
    current: Secret,
    *,
    accounts: AccountReader,
    hasher: PasswordHasher,
    guesses: PasswordGuesses,
) -> PasswordHash:
    """The hash that the password matched, for a transaction to compare with. Never called inside one.

    Raises:
        RateLimitError: too many guesses; nothing was compared.
        WrongPassword: the current one is not what was given.
        AccountGone: the account was removed.
        HashingBusy: too many passwords wait to be hashed.
    """
    await guesses.spend(account_id)
    known = await accounts.credentials_of(account_id)
    if known is None:
        raise AccountGone
    matches = await hasher.matches(Password.presented(current), known.password_hash)
    if known.password_hash is None or not matches:
        raise WrongPassword
    return known.password_hash
