"""Loads and saves API keys and services, inside one transaction and outside of any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, final
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Page
from hedgerow_core.persistence import Database, SortKey, keyset, page_of
from hedgerow_users.application.api_key_view import ApiKeyView, ServiceKeyView, shown_prefix
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKey, ApiKeyId, KeyOwner
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.service import ServiceId, ServiceName
from hedgerow_users.infrastructure.tables import api_keys, services

_ONE_MAKER = 0x7573_6B65  # "uske": the first half of an advisory lock's key; the second is a hash of the account

_LOCK_MAKING = select(func.pg_advisory_xact_lock(literal(_ONE_MAKER), func.hashtext(bindparam("owner"))))
_LIVE_OF_ACCOUNT = (  # ix_api_keys_account
    api_keys.c.account_id == bindparam("account"),
    api_keys.c.revoked_at.is_(None),
    api_keys.c.expires_at > bindparam("now"),
)
_COUNT_LIVE = select(func.count()).select_from(api_keys).where(*_LIVE_OF_ACCOUNT)
_ADD = insert(api_keys)
_HELD = select(api_keys).where(api_keys.c.id == bindparam("id")).with_for_update()
_HELD_PUBLIC = select(api_keys).where(api_keys.c.public_id == bindparam("public_id")).with_for_update()
_SAVE = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("its_id"))
    .values(expires_at=bindparam("expires_at"), revoked_at=bindparam("revoked_at"))
)
_REVOKE_ALL = (
    update(api_keys)
    .where(api_keys.c.account_id == bindparam("account"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
_ADD_SERVICE = insert(services)
_REVOKE_SERVICE = (  # uq_services_name
    update(services)
    .where(services.c.name == bindparam("its_name"), services.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(services.c.id)
)
_REVOKE_KEYS_OF_SERVICE = (  # ix_api_keys_service
    update(api_keys)
    .where(api_keys.c.service_id == bindparam("service"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)

_VIEWED = tuple(column for column in api_keys.c if column is not api_keys.c.hash)
_LIST_LIVE = select(*_VIEWED).where(*_LIVE_OF_ACCOUNT)
_LATEST_FIRST = "-created_at"
_SORT_KEYS: Mapping[str, SortKey] = {"created_at": SortKey.of_time(api_keys.c.created_at)}
_KEYS_OF_SERVICES = (
    select(services.c.name.label("service"), services.c.created_at.label("service_created_at"), *_VIEWED)
    .select_from(
        services.outerjoin(
            api_keys,
            and_(
                api_keys.c.service_id == services.c.id,
                api_keys.c.revoked_at.is_(None),
                api_keys.c.expires_at > bindparam("now"),
            ),
        )
    )
    .where(services.c.revoked_at.is_(None))
    .order_by(services.c.name, api_keys.c.created_at)
)


@final
class ApiKeyRepository:
    """Keys and services inside a transaction (port `ApiKeys`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def live_of(self, account_id: AccountId, *, at: datetime) -> int:
        """Count under a lock, which no row could give: the next key has none yet."""
        await self._connection.execute(_LOCK_MAKING, {"owner": str(account_id)})
        counted = await self._connection.execute(_COUNT_LIVE, {"account": account_id, "now": at})
        return int(counted.scalar_one())

    async def add(self, key: ApiKey) -> None:
        """Store a key. A second successor breaks uq_api_keys_rotated_from, which the manifest maps."""
        await self._connection.execute(
            _ADD,
            {
                "id": key.id,
                "public_id": key.public_id,
                "hash": key.hash,
                "account_id": key.owner.account_id,
                "service_id": key.owner.service_id,
                "name": key.name.text,
                "scopes": sorted(key.scopes),
                "created_at": key.created_at,
                "expires_at": key.expires_at,
                "rotated_from": key.rotated_from,
            },
        )

    async def hold(self, id: ApiKeyId) -> ApiKey | None:
        """The key under a row lock."""
        row = (await self._connection.execute(_HELD, {"id": id})).one_or_none()
        return _key(row) if row else None

    async def hold_public(self, public_id: str) -> ApiKey | None:
        """The key of this public part under a row lock."""
        row = (await self._connection.execute(_HELD_PUBLIC, {"public_id": public_id})).one_or_none()
        return _key(row) if row else None

    async def save(self, key: ApiKey) -> None:
        """Store when it ends."""
        ends = {"its_id": key.id, "expires_at": key.expires_at, "revoked_at": key.revoked_at}
        await self._connection.execute(_SAVE, ends)

    async def revoke_all(self, account_id: AccountId, *, at: datetime) -> None:
        """Revoke every key of an account in one statement."""
        await self._connection.execute(_REVOKE_ALL, {"account": account_id, "at": at})

    async def add_service(self, id: ServiceId, name: ServiceName, *, at: datetime) -> None:
        """Store a service. A taken name breaks uq_services_name, which the manifest maps."""
        await self._connection.execute(_ADD_SERVICE, {"id": id, "name": name.text, "created_at": at})

    async def revoke_service(self, name: ServiceName, *, at: datetime) -> bool:
        """Revoke a service and its keys."""
        found = await self._connection.execute(_REVOKE_SERVICE, {"its_name": name.text, "at": at})
        service = found.scalar_one_or_none()
        if service is None:
            return False
        await self._connection.execute(_REVOKE_KEYS_OF_SERVICE, {"service": service, "at": at})
        return True


@final
class DatabaseApiKeyReader:
    """Keys as read models (port `ApiKeyReader`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_live(
        self, account_id: UUID, *, at: datetime, cursor: str | None, limit: int
    ) -> Page[ApiKeyView]:
        """A page of an account's keys."""
        statement = keyset(
            _LIST_LIVE,
            sort=_LATEST_FIRST,
            keys=_SORT_KEYS,
            id_column=api_keys.c.id,
            cursor=cursor,
            limit=limit,
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement, {"account": account_id, "now": at})).all()
        return page_of(
            rows,
            limit=limit,
            sort=_LATEST_FIRST,
            sorted_by=lambda row: row.created_at,
            id_of=lambda row: row.id,
            read=_view,
        )

    async def of_services(self, *, at: datetime) -> Sequence[ServiceKeyView]:
        """Every live service, with its keys."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_KEYS_OF_SERVICES, {"now": at})).all()
        return [
            ServiceKeyView(
                service=row.service, created_at=row.service_created_at, key=_view(row) if row.id else None
            )
            for row in rows
        ]


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        ApiKeyId(row.id),
        owner=KeyOwner(
            account_id=AccountId(row.account_id) if row.account_id else None,
            service_id=ServiceId(row.service_id) if row.service_id else None,
        ),
        name=Name(row.name),
        scopes=frozenset(row.scopes),
        public_id=row.public_id,
        hash=row.hash,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        rotated_from=ApiKeyId(row.rotated_from) if row.rotated_from else None,
    )


def _view(row: Row[Any]) -> ApiKeyView:
    return ApiKeyView(
        id=row.id,
        name=row.name,
        prefix=shown_prefix(row.public_id),
        scopes=tuple(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        rotated_from=row.rotated_from,
    )
