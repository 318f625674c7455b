"""What is known of owners, on the connection of a unit of work."""

from __future__ import annotations

from typing import final
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_webhooks.application.ports import Standing
from hedgerow_webhooks.infrastructure.tables import endpoints, owners

_insert = insert(owners)
_LEARN = _insert.on_conflict_do_update(
    index_elements=[owners.c.id],
    set_={"standing": _insert.excluded.standing, "version": _insert.excluded.version},
    where=(owners.c.standing != Standing.DELETED)
    & ((_insert.excluded.version > owners.c.version) | (_insert.excluded.standing == Standing.DELETED)),
)
_BEGIN = insert(owners).on_conflict_do_nothing()
_LOCK = select(owners.c.id).where(owners.c.id == bindparam("owner")).with_for_update()
_COUNT = select(func.count()).where(endpoints.c.owner_id == bindparam("owner"))  # ix_endpoints_owner


@final
class PostgresOwners:
    """The port `Owners`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def learn(self, owner_id: UUID, standing: Standing, *, version: int) -> None:
        """Insert the row, or replace what is older."""
        await self._connection.execute(_LEARN, {"id": owner_id, "standing": standing, "version": version})

    async def count_endpoints(self, owner_id: UUID) -> int:
        """Make sure that there is a row, lock it, and count."""
        await self._connection.execute(_BEGIN, {"id": owner_id, "standing": Standing.ACTIVE, "version": 0})
        await self._connection.execute(_LOCK, {"owner": owner_id})
        return int(await self._connection.scalar(_COUNT, {"owner": owner_id}) or 0)
