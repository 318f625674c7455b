"""What the use cases need to hash passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from hedgerow_core.domain import UnavailableError
from hedgerow_users.domain.password import Password, PasswordHash


class PasswordHasher(Protocol):
    """Hashes passwords: slow on purpose, so never to be called while a transaction is open."""

    def demand_room(self) -> None:
        """Pass if a password could wait to be hashed right now: for who would rather refuse before anything else.

        Raises:
            HashingBusy: too many are waiting already.
        """
        ...

    async def hash(self, password: Password) -> PasswordHash:
        """Hash with a fresh salt.

        Raises:
            HashingBusy: too many are waiting already.
        """
        ...

    def is_outdated(self, known: PasswordHash) -> bool:
        """Whether it was made with other parameters than we hash with now. Costs nothing."""
        ...

    async def matches(self, password: Password, known: PasswordHash | None) -> bool:
        """Whether the password is the hashed one. Takes equally long, and says no, when nothing is known.

        Raises:
            HashingBusy: too many are waiting already.
        """
        ...


class HashingBusy(UnavailableError):
    """Too many passwords wait to be hashed.

    Fix: wait for `Retry-After`; operators: `USERS_HASHING_QUEUE`, or more processes.
    """

    code = "users.hashing_busy"

    def __init__(self) -> None:
        super().__init__(
            "Too many people are logging in at this moment. Try again shortly.", retry_after=timedelta(seconds=1)
        )
