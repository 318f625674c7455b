"""Identities in PostgreSQL: found in one statement by requests with a provider's token, kept in transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, final
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Page
from hedgerow_core.persistence import Database, SortKey, keyset, page_of
from hedgerow_users.application.identity_ports import IdentityView, KnownIdentity
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.identity import Identity, IdentityId
from hedgerow_users.infrastructure.repositories import WITH_ADDRESS
from hedgerow_users.infrastructure.tables import accounts, identities

_IS_SUBJECT = (  # uq_identities_subject
    identities.c.provider == bindparam("of_provider"),
    identities.c.subject == bindparam("of_subject"),
)
_KNOWN = (
    select(identities.c.account_id, identities.c.ended_at, accounts.c.status, accounts.c.roles)
    .select_from(identities.outerjoin(accounts, accounts.c.id == identities.c.account_id))
    .where(*_IS_SUBJECT)
)

_LETS_IN = (
    identities.c.account_id == bindparam("account"),
    identities.c.ended_at.is_(None),
)  # ix_identities_account
_LISTED = select(
    identities.c.id, identities.c.provider, identities.c.subject, identities.c.email, identities.c.created_at
).where(*_LETS_IN)
_LATEST_FIRST = "-created_at"
_SORT_KEYS: Mapping[str, SortKey] = {"created_at": SortKey.of_time(identities.c.created_at)}

_HELD = select(identities).where(*_IS_SUBJECT).with_for_update()
# In one order, so that two who hold them all don't deadlock.
_HELD_OF_ACCOUNT = select(identities).where(*_LETS_IN).order_by(identities.c.id).with_for_update()
_saved = insert(identities)
_SAVE = _saved.on_conflict_do_update(
    constraint="pk_identities",
    set_={name: _saved.excluded[name] for name in ("account_id", "email", "source_updated_at", "ended_at")},
)
_REMOVE = delete(identities).where(identities.c.id == bindparam("its_id"))
_END_ALL = (
    update(identities)
    .where(identities.c.account_id == bindparam("account"))
    .values(email=None, ended_at=func.coalesce(identities.c.ended_at, bindparam("at")))
)


@final
class DatabaseIdentityReader:
    """Identities as read models, one autocommit statement each (port `IdentityReader`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, provider: str, subject: str) -> KnownIdentity | None:
        """What is known of a subject, and of the account that it stands for."""
        async with self._database.reading() as connection:
            found = await connection.execute(_KNOWN, {"of_provider": provider, "of_subject": subject})
            row = found.one_or_none()
        if row is None:
            return None
        return KnownIdentity(
            account_id=AccountId(row.account_id) if row.account_id else None,
            is_over=row.ended_at is not None,
            status=AccountStatus(row.status) if row.status else None,
            roles=frozenset(row.roles or ()),
        )

    async def has_account(self, email: Email) -> bool:
        """Whether an account has this address, in whatever letter case."""
        async with self._database.reading() as connection:
            return (await connection.execute(WITH_ADDRESS, {"identity": email.identity})).first() is not None

    async def list_of(self, account_id: UUID, *, cursor: str | None, limit: int) -> Page[IdentityView]:
        """A page of an account's identities."""
        statement = keyset(
            _LISTED, sort=_LATEST_FIRST, keys=_SORT_KEYS, id_column=identities.c.id, cursor=cursor, limit=limit
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement, {"account": account_id})).all()
        return page_of(
            rows,
            limit=limit,
            sort=_LATEST_FIRST,
            sorted_by=lambda row: row.created_at,
            id_of=lambda row: row.id,
            read=_view,
        )


@final
class IdentityRepository:
    """The identities inside a transaction (port `Identities`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self, provider: str, subject: str) -> Identity | None:
        """The identity under a row lock."""
        found = await self._connection.execute(_HELD, {"of_provider": provider, "of_subject": subject})
        row = found.one_or_none()
        return _identity(row) if row else None

    async def hold_all_of(self, account_id: AccountId) -> Sequence[Identity]:
        """The identities that let somebody into an account, under row locks."""
        rows = await self._connection.execute(_HELD_OF_ACCOUNT, {"account": account_id})
        return [_identity(row) for row in rows]

    async def save(self, identity: Identity) -> None:
        """Store it. A subject that is known already breaks uq_identities_subject, which the manifest maps."""
        await self._connection.execute(
            _SAVE,
            {
                "id": identity.id,
                "provider": identity.provider,
                "subject": identity.subject,
                "account_id": identity.account_id,
                "email": identity.email.address if identity.email else None,
                "source_updated_at": identity.source_updated_at,
                "created_at": identity.created_at,
                "ended_at": identity.ended_at,
            },
        )

    async def remove(self, id: IdentityId) -> None:
        """Forget it."""
        await self._connection.execute(_REMOVE, {"its_id": id})

    async def end_all_of(self, account_id: AccountId, *, at: datetime) -> None:
        """End those of an account in one statement."""
        await self._connection.execute(_END_ALL, {"account": account_id, "at": at})


def _identity(row: Row[Any]) -> Identity:
    return Identity(
        IdentityId(row.id),
        provider=row.provider,
        subject=row.subject,
        created_at=row.created_at,
        account_id=AccountId(row.account_id) if row.account_id else None,
        email=Email(row.email) if row.email else None,
        source_updated_at=row.source_updated_at,
        ended_at=row.ended_at,
    )


def _view(row: Row[Any]) -> IdentityView:
    return IdentityView(
        id=row.id, provider=row.provider, subject=row.subject, email=row.email, created_at=row.created_at
    )
