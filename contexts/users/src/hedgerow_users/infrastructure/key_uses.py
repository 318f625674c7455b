"""When keys were last used: noted in memory by requests, written behind them, once a minute and key at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import final
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Uuid, any_, bindparam, func, or_, select, update

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
_free = (  # pk_api_keys. Who is being changed is skipped: whoever waits for no row is in no deadlock.
    select(api_keys.c.id)
    .where(api_keys.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_WRITE = (
    update(api_keys)
    .where(
        api_keys.c.id == _free.c.id,
        _free.c.id == _used.c.id,
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
                await connection.execute(_WRITE, {"ids": list(taken), "moments": list(taken.values())})
        except BaseException:
            self._waiting = taken | self._waiting
            raise
