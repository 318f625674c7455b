"""Loads and saves accounts and sessions inside the transaction of a unit of work."""

from __future__ import annotations

from datetime import datetime
from typing import Any, final

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import LedgerWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.session import EndReason, RefreshToken, Session, SessionId
from hedgerow_users.infrastructure.rows import account_of, changeable_of
from hedgerow_users.infrastructure.tables import accounts, refresh_tokens, sessions

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

_ADD_SESSION = insert(sessions)
_HELD_SESSION_BY_ID = select(sessions).where(sessions.c.id == bindparam("id")).with_for_update()
_HELD_SESSION_OF_TOKEN = (
    select(sessions)
    .join(refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
    .where(refresh_tokens.c.hash == bindparam("hash"))
    .with_for_update(of=sessions)
)
_END_SESSION = (
    update(sessions)
    .where(sessions.c.id == bindparam("its_id"))
    .values(ended_at=bindparam("ended_at"), end_reason=bindparam("end_reason"))
)
_END_SESSIONS_OF_ACCOUNT = (  # ix_sessions_live
    update(sessions)
    .where(sessions.c.account_id == bindparam("account"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("ended_at"), end_reason=bindparam("end_reason"))
)

_ADD_TOKEN = insert(refresh_tokens)
_REDEEM_TOKEN = (
    update(refresh_tokens)
    .where(refresh_tokens.c.hash == bindparam("presented"), refresh_tokens.c.used_at.is_(None))
    .values(used_at=bindparam("used_at"))
    .returning(refresh_tokens)
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


@final
class SessionRepository:
    """The sessions and their refresh tokens (port `Sessions`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        """Store a session that has just begun."""
        await self._connection.execute(
            _ADD_SESSION,
            {"id": session.id, "account_id": session.account_id, "started_at": session.started_at},
        )

    async def hold(self, id: SessionId) -> Session:
        """The session under a row lock."""
        return _session((await self._connection.execute(_HELD_SESSION_BY_ID, {"id": id})).one())

    async def hold_family(self, token_hash: bytes) -> Session | None:
        """The session of a token under a row lock."""
        row = (await self._connection.execute(_HELD_SESSION_OF_TOKEN, {"hash": token_hash})).one_or_none()
        return _session(row) if row else None

    async def save(self, session: Session) -> None:
        """Store the end of a session. No version is needed: the row is held."""
        await self._connection.execute(
            _END_SESSION,
            {"its_id": session.id, "ended_at": session.ended_at, "end_reason": session.end_reason},
        )

    async def end_all(self, account_id: AccountId, reason: EndReason, *, at: datetime) -> None:
        """End every live session of an account in one statement."""
        await self._connection.execute(
            _END_SESSIONS_OF_ACCOUNT, {"account": account_id, "ended_at": at, "end_reason": reason}
        )

    async def add_token(self, token: RefreshToken) -> None:
        """Remember a token."""
        await self._connection.execute(
            _ADD_TOKEN,
            {
                "hash": token.hash,
                "session_id": token.session_id,
                "issued_at": token.issued_at,
                "expires_at": token.expires_at,
            },
        )

    async def redeem(self, token_hash: bytes, *, at: datetime) -> RefreshToken | None:
        """Compare and set: the row lock lets one caller through, the others find the token used."""
        redeemed = await self._connection.execute(_REDEEM_TOKEN, {"presented": token_hash, "used_at": at})
        row = redeemed.one_or_none()
        return _token(row) if row else None


def _session(row: Row[Any]) -> Session:
    return Session(
        SessionId(row.id),
        account_id=AccountId(row.account_id),
        started_at=row.started_at,
        ended_at=row.ended_at,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
    )


def _token(row: Row[Any]) -> RefreshToken:
    return RefreshToken(
        hash=row.hash,
        session_id=SessionId(row.session_id),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
    )
