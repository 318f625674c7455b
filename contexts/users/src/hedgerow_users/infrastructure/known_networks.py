"""Remembers from which networks accounts have logged in, as hashes: nobody can read either out of them."""

from __future__ import annotations

from datetime import datetime
from typing import final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from hedgerow_core.persistence import Database
from hedgerow_users.infrastructure.tables import known_networks

_KNOWN = select(known_networks.c.place).where(
    known_networks.c.place == bindparam("its_place"), known_networks.c.seen_at >= bindparam("since")
)
_insert = insert(known_networks)
_REMEMBER = _insert.on_conflict_do_update(
    index_elements=[known_networks.c.place], set_={"seen_at": _insert.excluded.seen_at}
)
_FORGET = delete(known_networks).where(known_networks.c.seen_at < bindparam("before"))  # ix_known_networks_seen


@final
class DatabaseKnownNetworks:
    """The port `KnownNetworks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def knows(self, place: bytes, *, since: datetime) -> bool:
        """Whether there was a login."""
        async with self._database.reading() as connection:
            found = await connection.execute(_KNOWN, {"its_place": place, "since": since})
            return found.first() is not None

    async def remember(self, place: bytes, *, at: datetime, forget_before: datetime) -> None:
        """Keep it, and clear up."""
        async with self._database.transaction() as connection:
            await connection.execute(_REMEMBER, {"place": place, "seen_at": at})
            await connection.execute(_FORGET, {"before": forget_before})
