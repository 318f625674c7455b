"""The proof that whoever is logged in also knows the password: asked for before an account can be carried away."""

from __future__ import annotations

from hedgerow_core.domain import Secret
from hedgerow_users.application.ports import AccountReader, PasswordHasher
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.errors import AccountGone, WrongPassword
from hedgerow_users.domain.password import Password, PasswordHash


async def verified_hash(
    account_id: AccountId, current: Secret, *, accounts: AccountReader, hasher: PasswordHasher
) -> PasswordHash:
    """The hash that the password matched, for a transaction to compare with. Never called inside one.

    Raises:
        WrongPassword: the current one is not what was given.
        AccountGone: the account was removed.
        HashingBusy: too many passwords wait to be hashed.
    """
    known = await accounts.credentials_of(account_id)
    if known is None:
        raise AccountGone
    matches = await hasher.matches(Password.presented(current), known.password_hash)
    if known.password_hash is None or not matches:
        raise WrongPassword
    return known.password_hash
