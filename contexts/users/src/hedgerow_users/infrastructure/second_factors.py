"""Second factors in PostgreSQL: what is good once is used up by compare-and-set, in the transaction it allows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import final
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence import Database
from hedgerow_core.security.seal import Seal
from hedgerow_users.application.second_factor_ports import SecondFactorView
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.second_factor import SecondFactor
from hedgerow_users.infrastructure.tables import recovery_codes, second_factors

_OF_ACCOUNT = second_factors.c.account_id == bindparam("account")
_begun = insert(second_factors)
_BEGIN = _begun.on_conflict_do_update(
    constraint="pk_second_factors",
    set_={name: _begun.excluded[name] for name in ("sealed_secret", "begun_at")},
    where=second_factors.c.confirmed_at.is_(None),
).returning(second_factors.c.account_id)
_FACTOR = select(
    second_factors.c.account_id,
    second_factors.c.sealed_secret,
    second_factors.c.begun_at,
    second_factors.c.confirmed_at,
).where(_OF_ACCOUNT)
_CONFIRM = (
    update(second_factors)
    .where(
        _OF_ACCOUNT,
        second_factors.c.confirmed_at.is_(None),
        second_factors.c.sealed_secret == bindparam("shown"),
    )
    .values(confirmed_at=bindparam("at"), last_step=bindparam("step"))
    .returning(second_factors.c.account_id)
)
_USE_STEP = (
    update(second_factors)
    .where(
        _OF_ACCOUNT,
        second_factors.c.confirmed_at.is_not(None),
        second_factors.c.last_step < bindparam("step"),
    )
    .values(last_step=bindparam("step"))
    .returning(second_factors.c.account_id)
)
_REMOVE = delete(second_factors).where(_OF_ACCOUNT).returning(second_factors.c.confirmed_at)
_USE_CODE = (
    update(recovery_codes)
    .where(
        recovery_codes.c.account_id == bindparam("account"),
        recovery_codes.c.hash == bindparam("presented"),
        recovery_codes.c.used_at.is_(None),
    )
    .values(used_at=bindparam("at"))
    .returning(recovery_codes.c.account_id)
)
_FORGET_CODES = delete(recovery_codes).where(recovery_codes.c.account_id == bindparam("account"))
_ADD_CODES = insert(recovery_codes)
_VIEW = (
    select(
        second_factors.c.confirmed_at,
        select(func.count())
        .where(recovery_codes.c.account_id == second_factors.c.account_id, recovery_codes.c.used_at.is_(None))
        .scalar_subquery()
        .label("codes_left"),
    )
    .where(_OF_ACCOUNT)
    .where(second_factors.c.confirmed_at.is_not(None))
)
_SEALED = select(second_factors.c.account_id, second_factors.c.sealed_secret)
_RESEAL = (
    update(second_factors)
    .where(_OF_ACCOUNT, second_factors.c.sealed_secret == bindparam("read"))
    .values(sealed_secret=bindparam("resealed"))
)


@final
class SecondFactorRepository:
    """The factors inside a transaction (port `SecondFactors`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, account_id: AccountId, sealed_secret: bytes, *, at: datetime) -> bool:
        """Keep a secret that waits to be confirmed; False if one is on."""
        values = {"account_id": account_id, "sealed_secret": sealed_secret, "begun_at": at}
        return (await self._connection.execute(_BEGIN, values)).one_or_none() is not None

    async def find(self, account_id: AccountId) -> SecondFactor | None:
        """The factor, on or waiting."""
        row = (await self._connection.execute(_FACTOR, {"account": account_id})).one_or_none()
        if row is None:
            return None
        return SecondFactor(
            account_id=AccountId(row.account_id),
            sealed_secret=row.sealed_secret,
            begun_at=row.begun_at,
            confirmed_at=row.confirmed_at,
        )

    async def confirm(self, factor: SecondFactor, step: int, *, at: datetime) -> bool:
        """Compare and set: only the secret whose code was checked is switched on."""
        values = {"account": factor.account_id, "shown": factor.sealed_secret, "at": at, "step": step}
        return (await self._connection.execute(_CONFIRM, values)).one_or_none() is not None

    async def use_step(self, account_id: AccountId, step: int) -> bool:
        """Compare and set: the row lock lets one caller through, the others find the step used."""
        used = await self._connection.execute(_USE_STEP, {"account": account_id, "step": step})
        return used.one_or_none() is not None

    async def use_recovery_code(self, account_id: AccountId, hash: bytes, *, at: datetime) -> bool:
        """Compare and set, as with steps."""
        used = await self._connection.execute(_USE_CODE, {"account": account_id, "presented": hash, "at": at})
        return used.one_or_none() is not None

    async def replace_recovery_codes(self, account_id: AccountId, hashes: Sequence[bytes]) -> None:
        """Have these codes from now on."""
        await self._connection.execute(_FORGET_CODES, {"account": account_id})
        await self._connection.execute(_ADD_CODES, [{"account_id": account_id, "hash": hash} for hash in hashes])

    async def remove(self, account_id: AccountId) -> bool:
        """Forget the factor; its codes go with it (fk_recovery_codes_second_factor)."""
        row = (await self._connection.execute(_REMOVE, {"account": account_id})).one_or_none()
        return row is not None and row.confirmed_at is not None


@final
class DatabaseSecondFactors:
    """Factors outside of transactions (port `SecondFactorReader`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, account_id: UUID) -> SecondFactorView:
        """How the factor of an account stands."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_VIEW, {"account": account_id})).one_or_none()
        if row is None:
            return SecondFactorView(enabled_at=None, recovery_codes_left=0)
        return SecondFactorView(enabled_at=row.confirmed_at, recovery_codes_left=row.codes_left)

    async def reseal(self, seal: Seal) -> int:
        """Encrypt every secret that the seal opens under the current server secret; says how many it does not open.

        Safe to repeat, and while people log in: a secret that was replaced meanwhile is left as it is.
        """
        unreadable = 0
        async with self._database.reading() as connection:
            rows = (await connection.execute(_SEALED)).all()
        for row in rows:
            plain = seal.open(str(row.account_id), row.sealed_secret)
            if plain is None:
                unreadable += 1
                continue
            resealed = seal.close(str(row.account_id), plain)
            values = {"account": row.account_id, "read": row.sealed_secret, "resealed": resealed}
            async with self._database.transaction() as connection:
                await connection.execute(_RESEAL, values)
        return unreadable
