"""The proof that whoever is logged in also knows the password: asked for before an account can be carried away."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import final

from hedgerow_core.application import Bus, Claim, Quota, RateLimiter
from hedgerow_core.domain import Secret
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.commands.refuse_password import RefusePassword
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.proof_errors import WrongPassword

AT_CURRENT_PASSWORD = Quota(name="login.current_password", limit=10, period=timedelta(hours=1), burst=10)
"""Guesses at the password of one account by whoever has an access token of it, through all routes that ask for it:
as many as a login allows. Counted apart from logins, so that strangers who guess there don't keep the owner from
changing the password."""


@final
class CurrentPassword:
    """Checks the password of who is logged in. Called by the edge: it hashes, so never inside a transaction."""

    def __init__(self, bus: Bus, accounts: AccountReader, hasher: PasswordHasher, limiter: RateLimiter) -> None:
        self._bus = bus
        self._accounts = accounts
        self._hasher = hasher
        self._limiter = limiter

    async def verified(self, account_id: AccountId, current: Secret) -> PasswordHash:
        """The hash that the password matched, for a transaction to compare with.

        Raises:
            RateLimitError: too many guesses; nothing was compared.
            WrongPassword: the current one is not what was given.
            AccountGone: the account was removed.
            HashingBusy: too many passwords wait to be hashed.
        """
        claim = Claim(AT_CURRENT_PASSWORD, hashlib.sha256(account_id.bytes).hexdigest())
        (await self._limiter.spend(claim)).demand()
        known = await self._accounts.credentials_of(account_id)
        if known is None:
            raise AccountGone
        matches = await self._hasher.matches(Password.presented(current), known.password_hash)
        if known.password_hash is None or not matches:
            await self._bus.execute(RefusePassword(account_id=account_id))
            raise WrongPassword
        self._limiter.give_back(claim)
        return known.password_hash
