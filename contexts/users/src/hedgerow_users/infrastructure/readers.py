"""Reads accounts past the domain: one autocommit statement a question."""

from __future__ import annotations

from typing import Any, final
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, func, select

from hedgerow_core.persistence import Database
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.ports import Credentials
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.infrastructure.rows import VIEWED, account_view_of
from hedgerow_users.infrastructure.tables import accounts

_VIEW = select(*VIEWED).where(accounts.c.id == bindparam("id"))
_CREDENTIALS = select(accounts.c.id, accounts.c.password_hash)
_CREDENTIALS_BY_ID = _CREDENTIALS.where(accounts.c.id == bindparam("id"))
_CREDENTIALS_BY_EMAIL = _CREDENTIALS.where(  # uq_accounts_email
    func.lower(accounts.c.email) == bindparam("identity")
)


@final
class DatabaseAccountReader:
    """Accounts as read models (port `AccountReader`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, id: UUID) -> AccountView | None:
        """What its owner, or an administrator, sees."""
        row = await self._row(_VIEW, {"id": id})
        return account_view_of(row) if row else None

    async def credentials_of_email(self, email: Email) -> Credentials | None:
        """The credentials of the account with this address, in whatever letter case."""
        return _credentials(await self._row(_CREDENTIALS_BY_EMAIL, {"identity": email.identity}))

    async def credentials_of(self, id: AccountId) -> Credentials | None:
        """The credentials of an account."""
        return _credentials(await self._row(_CREDENTIALS_BY_ID, {"id": id}))

    async def _row(self, statement: Select[Any], parameters: dict[str, object]) -> Row[Any] | None:
        async with self._database.reading() as connection:
            row: Row[Any] | None = (await connection.execute(statement, parameters)).one_or_none()
            return row


def _credentials(row: Row[Any] | None) -> Credentials | None:
    if row is None:
        return None
    hash = PasswordHash(row.password_hash) if row.password_hash else None
    return Credentials(account_id=AccountId(row.id), password_hash=hash)
