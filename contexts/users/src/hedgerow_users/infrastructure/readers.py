"""Reads accounts and sessions past the domain: one autocommit statement a question."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, final
from uuid import UUID

from sqlalchemy import Interval, Row, bindparam, func, select

from hedgerow_core.application import Page
from hedgerow_core.persistence import Database, SortKey, keyset, page_of
from hedgerow_users.application.account_ports import Credentials
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.session_view import SessionView
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.infrastructure.rows import VIEWED, account_view_of
from hedgerow_users.infrastructure.tables import accounts, sessions

_VIEW = select(*VIEWED).where(accounts.c.id == bindparam("id"))
_CREDENTIALS = select(accounts.c.id, accounts.c.password_hash)
_CREDENTIALS_BY_ID = _CREDENTIALS.where(accounts.c.id == bindparam("id"))
_CREDENTIALS_BY_EMAIL = _CREDENTIALS.where(  # uq_accounts_email
    func.lower(accounts.c.email) == bindparam("identity")
)

_EXPIRES_AT = sessions.c.started_at + bindparam("lifetime", type_=Interval)
_LIVE_SESSIONS = select(  # ix_sessions_live
    sessions.c.id,
    sessions.c.started_at,
    sessions.c.last_seen_at,
    sessions.c.user_agent,
    sessions.c.address,
    _EXPIRES_AT.label("expires_at"),
).where(
    sessions.c.account_id == bindparam("account"),
    sessions.c.ended_at.is_(None),
    sessions.c.last_seen_at > bindparam("seen_after"),
    _EXPIRES_AT > bindparam("at", type_=sessions.c.started_at.type),  # noqa: SIM300 - no constant
)
_LATEST_FIRST = "-started_at"
_SORT_KEYS: Mapping[str, SortKey] = {"started_at": SortKey.of_time(sessions.c.started_at)}


@final
class DatabaseAccountReader:
    """Accounts as read models (port `AccountReader`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, id: UUID) -> AccountView | None:
        """What its owner, or an administrator, sees."""
        row = await self._database.row(_VIEW, {"id": id})
        return account_view_of(row) if row else None

    async def credentials_of_email(self, email: Email) -> Credentials | None:
        """The credentials of the account with this address, in whatever letter case."""
        return _credentials(await self._database.row(_CREDENTIALS_BY_EMAIL, {"identity": email.identity}))

    async def credentials_of(self, id: AccountId) -> Credentials | None:
        """The credentials of an account."""
        return _credentials(await self._database.row(_CREDENTIALS_BY_ID, {"id": id}))


@final
class DatabaseSessionReader:
    """Sessions as read models (port `SessionReader`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_live(
        self,
        account_id: UUID,
        *,
        seen_after: datetime,
        at: datetime,
        lifetime: timedelta,
        cursor: str | None,
        limit: int,
    ) -> Page[SessionView]:
        """A page of the account's live sessions."""
        statement = keyset(
            _LIVE_SESSIONS,
            sort=_LATEST_FIRST,
            keys=_SORT_KEYS,
            id_column=sessions.c.id,
            cursor=cursor,
            limit=limit,
        )
        wanted = {"account": account_id, "seen_after": seen_after, "at": at, "lifetime": lifetime}
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement, wanted)).all()
        return page_of(
            rows,
            limit=limit,
            sort=_LATEST_FIRST,
            sorted_by=lambda row: row.started_at,
            id_of=lambda row: row.id,
            read=_session_view,
        )


def _session_view(row: Row[Any]) -> SessionView:
    return SessionView(
        id=row.id,
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        user_agent=row.user_agent,
        network=Client(user_agent=row.user_agent, address=row.address).network,
    )


def _credentials(row: Row[Any] | None) -> Credentials | None:
    if row is None:
        return None
    hash = PasswordHash(row.password_hash) if row.password_hash else None
    return Credentials(account_id=AccountId(row.id), password_hash=hash)
