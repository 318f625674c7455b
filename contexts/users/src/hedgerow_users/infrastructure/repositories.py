"""Loads and saves accounts inside the transaction of a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from sqlalchemy import any_, bindparam, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql

from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import LedgerWork
from hedgerow_users.domain.account import Account, AccountId, AccountStatus
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.roles import Role
from hedgerow_users.infrastructure.rows import account_of, changeable_of
from hedgerow_users.infrastructure.tables import accounts

_ADD_ACCOUNT = insert(accounts)
_ADD_IF_FREE = (
    postgresql.insert(accounts)
    .on_conflict_do_nothing(index_elements=[func.lower(accounts.c.email)])  # uq_accounts_email
    .returning(accounts.c.id)
)
_ACCOUNT_BY_ID = select(accounts).where(accounts.c.id == bindparam("id"))
WITH_ADDRESS = select(accounts.c.id).where(
    func.lower(accounts.c.email) == bindparam("identity")
)  # uq_accounts_email
_HELD_ACCOUNT_BY_ID = _ACCOUNT_BY_ID.with_for_update(read=True)
_TAKEN_ACCOUNT_BY_ID = _ACCOUNT_BY_ID.with_for_update(key_share=True)
_TAKEN_SUPER_ADMINS = (
    select(accounts.c.id)
    .where(
        literal(Role.SUPER_ADMIN.value) == any_(accounts.c.roles),
        accounts.c.status == AccountStatus.ACTIVE.value,
    )
    .order_by(accounts.c.id)
    .with_for_update(key_share=True)
)
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
        await self._connection.execute(_ADD_ACCOUNT, _first_version_of(account))
        self._work.saved(account, version=1)

    async def add_if_free(self, account: Account) -> bool:
        """Store a new account, or do what costs the same. Who stores the same address just now is waited for."""
        added = (await self._connection.execute(_ADD_IF_FREE, _first_version_of(account))).one_or_none()
        self._work.saved(account, version=1, publish=added is not None)
        return added is not None

    async def find(self, id: AccountId) -> Account | None:
        """The account as it is now."""
        row = (await self._connection.execute(_ACCOUNT_BY_ID, {"id": id})).one_or_none()
        return account_of(row) if row else None

    async def has_address(self, email: Email) -> bool:
        """Whether an account has this address."""
        return (await self._connection.execute(WITH_ADDRESS, {"identity": email.identity})).first() is not None

    async def hold(self, id: AccountId) -> Account | None:
        """The account under a shared row lock."""
        row = (await self._connection.execute(_HELD_ACCOUNT_BY_ID, {"id": id})).one_or_none()
        return account_of(row) if row else None

    async def take(self, id: AccountId) -> Account | None:
        """The account under an exclusive row lock."""
        row = (await self._connection.execute(_TAKEN_ACCOUNT_BY_ID, {"id": id})).one_or_none()
        return account_of(row) if row else None

    async def take_super_admins(self) -> Sequence[AccountId]:
        """Every active super_admin under an exclusive row lock, always in the same order."""
        return [AccountId(id) for id in (await self._connection.execute(_TAKEN_SUPER_ADMINS)).scalars()]

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


def _first_version_of(account: Account) -> dict[str, object]:
    return {"id": account.id, "created_at": account.created_at, "version": 1, **changeable_of(account)}
