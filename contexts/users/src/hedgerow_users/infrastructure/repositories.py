"""Loads and saves accounts inside the transaction of a unit of work."""

from __future__ import annotations

from typing import final

from sqlalchemy import bindparam, insert, select, update

from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import LedgerWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.infrastructure.rows import account_of, changeable_of
from hedgerow_users.infrastructure.tables import accounts

_ADD_ACCOUNT = insert(accounts)
_ACCOUNT_BY_ID = select(accounts).where(accounts.c.id == bindparam("id"))
_HELD_ACCOUNT_BY_ID = _ACCOUNT_BY_ID.with_for_update(read=True)
_SAVE_ACCOUNT = (
    update(accounts)
    .where(accounts.c.id == bindparam("its_id"), accounts.c.version == bindparam("read_version"))
    .values(
        email=bindparam("email"),
        name=bindparam("name"),
        password_hash=bindparam("password_hash"),
        roles=bindparam("roles"),
        version=bindparam("version"),
        status=bindparam("status"),
        updated_at=bindparam("updated_at"),
        verified_at=bindparam("verified_at"),
        phone=bindparam("phone"),
        address=bindparam("address"),
        birthday=bindparam("birthday"),
        photo_url=bindparam("photo_url"),
        metadata=bindparam("metadata"),
    )
)

_RENEW_PASSWORD_HASH = (
    update(accounts)
    .where(accounts.c.id == bindparam("its_id"), accounts.c.password_hash == bindparam("outdated"))
    .values(password_hash=bindparam("renewed"))
)


@final
class AccountRepository:
    """The accounts (port `Accounts`)."""

    def __init__(self, work: LedgerWork) -> None:
        self._work = work
        self._connection = work.connection

    async def add(self, account: Account) -> None:
        """Store a new account. A taken address breaks uq_accounts_email, which the manifest maps."""
        await self._connection.execute(
            _ADD_ACCOUNT,
            {"id": account.id, "created_at": account.created_at, "version": 1, **changeable_of(account)},
        )
        self._work.saved(account, version=1)

    async def find(self, id: AccountId) -> Account | None:
        """The account as it is now."""
        row = (await self._connection.execute(_ACCOUNT_BY_ID, {"id": id})).one_or_none()
        return account_of(row) if row else None

    async def hold(self, id: AccountId) -> Account | None:
        """The account under a shared row lock."""
        row = (await self._connection.execute(_HELD_ACCOUNT_BY_ID, {"id": id})).one_or_none()
        return account_of(row) if row else None

    async def save(self, account: Account) -> None:
        """Store a changed account; its version is the optimistic lock."""
        version = account.version + 1
        saved = await self._connection.execute(
            _SAVE_ACCOUNT,
            {
                "its_id": account.id,
                "read_version": account.version,
                "version": version,
                **changeable_of(account),
            },
        )
        if saved.rowcount == 0:
            raise ConflictError(
                "Somebody else changed this account at the same moment. Read it again and retry.",
                code="concurrent_change",
            )
        self._work.saved(account, version=version)

    async def renew_password_hash(self, id: AccountId, *, outdated: PasswordHash, renewed: PasswordHash) -> None:
        """Compare and set: whoever changes the password at the same moment wins."""
        await self._connection.execute(
            _RENEW_PASSWORD_HASH,
            {"its_id": id, "outdated": outdated.reveal(), "renewed": renewed.reveal()},
        )
