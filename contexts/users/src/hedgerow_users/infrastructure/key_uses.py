"""When keys were last used: noted in memory by requests, written behind them, once a minute and key at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import final
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, func, or_, update

from hedgerow_core.persistence import Database
from hedgerow_users.infrastructure.tables import api_keys

WRITTEN_EVERY = timedelta(minutes=1)
"""Of one key, by all processes together: who looks wants to know whether it is in use, not when to the second."""
MOST_WAITING = 10_000

_used = (
    func.unnest(bindparam("ids", type_=ARRAY(Uuid)), bindparam("moments", type_=ARRAY(DateTime(timezone=True))))
    .table_valued("id", "at")
    .render_derived(name="used")
)
_WRITE = (
    update(api_keys)
    .where(
        api_keys.c.id == _used.c.id,
        or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= _used.c.at - WRITTEN_EVERY),
    )
    .values(last_used_at=_used.c.at)
)


@final
class KeyUses:
    """The uses that nobody has written down yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, datetime] = {}

    def note(self, key_id: UUID, *, at: datetime) -> None:
        """A request came with the key. Two look-ups in a dictionary."""
        if len(self._waiting) < MOST_WAITING or key_id in self._waiting:
            self._waiting[key_id] = at

    async def write(self) -> None:
        """Write down what waits. To be called every few seconds.

        Raises:
            UnavailableError: the database is away; what waits goes on waiting.
        """
        if not self._waiting:
            return
        taken, self._waiting = self._waiting, {}
        try:
            async with self._database.transaction() as connection:
                # Sorted, so that two processes that write at once take the rows' locks in one order.
                ids = sorted(taken)
                await connection.execute(_WRITE, {"ids": ids, "moments": [taken[id] for id in ids]})
        except BaseException:
            self._waiting = taken | self._waiting
            raise
