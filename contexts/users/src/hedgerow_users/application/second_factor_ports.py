"""What the use cases around the second factor need from outside: a place for it, secrets, a count of guesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_core.domain import Secret, UnavailableError
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.second_factor import SecondFactor


class SecondFactors(Protocol):
    """The second factors of accounts, inside one transaction. Who changes one has taken the account."""

    async def begin(self, account_id: AccountId, sealed_secret: bytes, *, at: datetime) -> bool:
        """Keep a secret that waits to be confirmed, in place of one that still waits; False if one is on."""
        ...

    async def find(self, account_id: AccountId) -> SecondFactor | None:
        """The factor, on or waiting."""
        ...

    async def confirm(self, factor: SecondFactor, step: int, *, at: datetime) -> bool:
        """Switch on a factor by the code of a step; False if it is on, replaced or gone."""
        ...

    async def use_step(self, account_id: AccountId, step: int) -> bool:
        """Use up the code of a step: of any number of callers at once, one gets it. False if it, or a later, is."""
        ...

    async def use_recovery_code(self, account_id: AccountId, hash: bytes, *, at: datetime) -> bool:
        """Use up a recovery code: of any number of callers at once, one gets it. False if it is unknown or used."""
        ...

    async def replace_recovery_codes(self, account_id: AccountId, hashes: Sequence[bytes]) -> None:
        """Have these codes from now on, and no others."""
        ...

    async def remove(self, account_id: AccountId) -> bool:
        """Forget factor and codes. Whether it was on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A secret for an authenticator app: as text, as otpauth URI, and as it is stored."""

    text: Secret
    uri: Secret
    sealed: bytes


class SecondFactorSecrets(Protocol):
    """Makes secrets, and compares codes with them. Pure computation of microseconds: fit for a transaction."""

    def make(self, account_id: AccountId, email: Email) -> NewSecret:
        """A fresh one, bound to the account."""
        ...

    def step_of(self, factor: SecondFactor, code: str, *, at: datetime) -> int | None:
        """The step that a code of six digits belongs to; None if it belongs to none near this moment.

        Raises:
            SecondFactorUnreadable: the secret can't be decrypted.
        """
        ...


class CodeGuesses(Protocol):
    """Counts guesses at the codes of an account, wherever they come from. Called outside of transactions."""

    async def spend(self, account_id: AccountId) -> None:
        """Take one guess.

        Raises:
            RateLimitError: none is left.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorView:
    """What the owner sees of the factor."""

    enabled_at: datetime | None
    """None: it is off."""
    recovery_codes_left: int


class SecondFactorReader(Protocol):
    """Reads factors outside of any transaction, one statement a call."""

    async def view(self, account_id: UUID) -> SecondFactorView:
        """How the factor of an account stands."""
        ...


class SecondFactorUnreadable(UnavailableError):
    """The secret of the factor can't be decrypted with `USERS_SECRET`.

    Fix: use a recovery code; operators: set it or `USERS_SECRET_PREVIOUS` right.
    """

    code = "users.second_factor_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "Codes of your app can't be checked right now: use a recovery code. Operators: set USERS_SECRET, or "
            "USERS_SECRET_PREVIOUS, to what it was when the factor was set up, or reset the factor.",
            retry_after=timedelta(seconds=60),
        )
