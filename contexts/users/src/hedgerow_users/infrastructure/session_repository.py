"""Loads and saves sessions and their refresh tokens, and revokes access tokens, inside one transaction.

Whatever ends a session also revokes its access tokens, in one statement: nobody can forget it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Insert,
    Row,
    Update,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import RowScope
from hedgerow_core.persistence import Scoped, parameters_of
from hedgerow_core.security import EVERYBODY
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.session import EndReason, RefreshToken, Session, SessionId
from hedgerow_users.infrastructure.tables import refresh_tokens, revocations, sessions

_FOR_EVER: ColumnElement[datetime] = literal_column("timestamptz 'infinity'")
"""Not the moment of the end: a token may be signed after its session has ended, by a clock that is ahead."""


def _ended_and_revoked(ending: Update) -> Insert:
    """End sessions, and write down for each that its access tokens are no longer good."""
    ended = ending.returning(sessions.c.id).cte("ended")
    return insert(revocations).from_select(["subject", "not_before"], select(ended.c.id, _FOR_EVER))


_ADD_SESSION = insert(sessions)
_HELD_SESSION = Scoped(
    select(sessions).where(sessions.c.id == bindparam("id")).with_for_update(), sessions.c.account_id
)
_HELD_SESSION_OF_TOKEN = (
    select(sessions)
    .join(refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
    .where(refresh_tokens.c.hash == bindparam("hash"))
    .with_for_update(of=sessions)
)
_SEE_SESSION = (
    update(sessions)
    .where(sessions.c.id == bindparam("its_id"))
    .values(last_seen_at=bindparam("at"), user_agent=bindparam("user_agent"), address=bindparam("address"))
    .returning(sessions)
)
_END_SESSION = _ended_and_revoked(
    update(sessions)
    .where(sessions.c.id == bindparam("its_id"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
)
_END_SESSIONS_OF_ACCOUNT = _ended_and_revoked(  # ix_sessions_live
    update(sessions)
    .where(sessions.c.account_id == bindparam("account"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
)
_END_OTHER_SESSIONS = _ended_and_revoked(  # ix_sessions_live
    update(sessions)
    .where(
        sessions.c.account_id == bindparam("account"),
        sessions.c.ended_at.is_(None),
        sessions.c.id != bindparam("kept"),
    )
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
)
_ended = (
    update(sessions)
    .where(sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
    .returning(sessions.c.id)
    .cte("ended")
)
# One revocation for all of them: a row each would be read by every process, again and again.
_told = (
    insert(revocations)
    .values(subject=EVERYBODY, not_before=bindparam("not_before"))
    .returning(revocations.c.id)
    .cte("told")
)
_END_EVERY_SESSION = select(func.count()).select_from(_ended).add_cte(_told)
_FORGET_CLIENTS = (  # ix_sessions_account
    update(sessions).where(sessions.c.account_id == bindparam("account")).values(user_agent="", address="")
)

_ADD_TOKEN = insert(refresh_tokens)
_TOKEN = select(refresh_tokens).where(refresh_tokens.c.hash == bindparam("hash"))
_REDEEM_TOKEN = (
    update(refresh_tokens)
    .where(refresh_tokens.c.hash == bindparam("presented"), refresh_tokens.c.used_at.is_(None))
    .values(used_at=bindparam("at"), used_by=bindparam("by"))
    .returning(refresh_tokens)
)

# Indexes: ix_sessions_ended, ix_sessions_started; ix_refresh_tokens_session.
_PRUNE_SESSIONS = text(
    """
    WITH over AS (
        SELECT id FROM sessions WHERE ended_at < :ended_before OR started_at < :started_before
        LIMIT :at_most FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM over)
    )
    DELETE FROM sessions WHERE id IN (SELECT id FROM over)
    """
)
# Index: ix_refresh_tokens_expires.
_PRUNE_TOKENS = text(
    """
    DELETE FROM refresh_tokens WHERE hash IN (
        SELECT hash FROM refresh_tokens WHERE expires_at < :expired_before
        LIMIT :at_most FOR UPDATE SKIP LOCKED)
    """
)

_REVOKE = insert(revocations)


@final
class SessionRepository:
    """The sessions and their refresh tokens (port `Sessions`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        """Store a session that has just begun."""
        await self._connection.execute(
            _ADD_SESSION,
            {
                "id": session.id,
                "account_id": session.account_id,
                "started_at": session.started_at,
                "last_seen_at": session.last_seen_at,
                "user_agent": session.client.user_agent,
                "address": session.client.address,
                "proven": session.proven,
            },
        )

    async def hold(self, id: SessionId, rows: RowScope) -> Session | None:
        """The session under a row lock. One out of reach is not even locked."""
        found = await self._connection.execute(_HELD_SESSION.within(rows), {"id": id, **parameters_of(rows)})
        row = found.one_or_none()
        return _session(row) if row else None

    async def hold_family(self, token_hash: bytes) -> Session | None:
        """The session of a token under a row lock."""
        row = (await self._connection.execute(_HELD_SESSION_OF_TOKEN, {"hash": token_hash})).one_or_none()
        return _session(row) if row else None

    async def see(self, id: SessionId, client: Client, *, at: datetime) -> Session:
        """Note the use, which also locks the row."""
        seen = {"its_id": id, "at": at, "user_agent": client.user_agent, "address": client.address}
        return _session((await self._connection.execute(_SEE_SESSION, seen)).one())

    async def save(self, session: Session) -> None:
        """Store the end of a session, once. No version is needed: the row is held."""
        await self._connection.execute(
            _END_SESSION, {"its_id": session.id, "at": session.ended_at, "reason": session.end_reason}
        )

    async def end_all(self, account_id: AccountId, reason: EndReason, *, at: datetime) -> None:
        """End every live session of an account in one statement."""
        await self._connection.execute(
            _END_SESSIONS_OF_ACCOUNT, {"account": account_id, "at": at, "reason": reason}
        )

    async def end_others(self, kept: SessionId, account_id: AccountId, reason: EndReason, *, at: datetime) -> None:
        """End every live session of an account but one, in one statement."""
        await self._connection.execute(
            _END_OTHER_SESSIONS, {"kept": kept, "account": account_id, "at": at, "reason": reason}
        )

    async def end_everybody(self, reason: EndReason, *, at: datetime, not_before: datetime) -> int:
        """End every live session, and revoke all access tokens up to a moment, in one statement."""
        values = {"at": at, "reason": reason, "not_before": not_before}
        return int((await self._connection.execute(_END_EVERY_SESSION, values)).scalar_one())

    async def forget_clients(self, account_id: AccountId) -> None:
        """Empty what says from where, in one statement."""
        await self._connection.execute(_FORGET_CLIENTS, {"account": account_id})

    async def prune(self, *, ended_before: datetime, started_before: datetime, at_most: int) -> int:
        """Delete a batch of sessions, their tokens first: one statement, so that none is left behind."""
        where = {"ended_before": ended_before, "started_before": started_before, "at_most": at_most}
        return (await self._connection.execute(_PRUNE_SESSIONS, where)).rowcount

    async def prune_tokens(self, *, expired_before: datetime, at_most: int) -> int:
        """Delete a batch of expired tokens, used or not."""
        where = {"expired_before": expired_before, "at_most": at_most}
        return (await self._connection.execute(_PRUNE_TOKENS, where)).rowcount

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

    async def find_token(self, token_hash: bytes) -> RefreshToken | None:
        """What is remembered of a token."""
        row = (await self._connection.execute(_TOKEN, {"hash": token_hash})).one_or_none()
        return _token(row) if row else None

    async def redeem(self, token_hash: bytes, client: Client, *, at: datetime) -> RefreshToken | None:
        """Compare and set: the row lock lets one caller through, the others find the token used."""
        redeemed = await self._connection.execute(
            _REDEEM_TOKEN, {"presented": token_hash, "at": at, "by": client.fingerprint}
        )
        row = redeemed.one_or_none()
        return _token(row) if row else None


@final
class RevocationRepository:
    """The revoked access tokens (port `Revocations`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def revoke(self, subject: UUID, *, at: datetime) -> None:
        """Refuse the access tokens of a session or an account that were issued before this moment."""
        await self._connection.execute(_REVOKE, {"subject": subject, "not_before": at})


def _session(row: Row[Any]) -> Session:
    return Session(
        SessionId(row.id),
        account_id=AccountId(row.account_id),
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
        client=Client(user_agent=row.user_agent, address=row.address),
        proven=row.proven,
        ended_at=row.ended_at,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
    )


def _token(row: Row[Any]) -> RefreshToken:
    return RefreshToken(
        hash=row.hash,
        session_id=SessionId(row.session_id),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        used_by=row.used_by,
    )
