"""Which access tokens are no longer believed: kept in memory, read from the database by every process all the time.

PostgreSQL alone tells, so it works with Redis and without. Who can't read it for five seconds believes nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import final

from sqlalchemy import Float, Interval, bindparam, cast, delete, extract, func, select

from hedgerow_core.persistence import Database
from hedgerow_core.security import NEVER_READ, Principal, Revocations
from hedgerow_users.application.session_ports import RevocationsUnknown
from hedgerow_users.infrastructure.tables import revocations
from hedgerow_users.settings import LONGEST_ACCESS_TOKEN_S

REMEMBERED = timedelta(seconds=LONGEST_ACCESS_TOKEN_S + 60)
"""Until the last token that it concerns is expired everywhere, and a minute more."""
ALL_EVERY_S = 30.0
"""Everything is read so often; in between, what is new."""
OVERLAP = timedelta(seconds=20)
"""What is new is read so often again: a transaction may commit late, but none idles for longer than 15 s."""

_READ = select(revocations.c.subject, cast(extract("epoch", revocations.c.not_before), Float(53))).where(
    # ix_revocations_recorded
    revocations.c.recorded_at > func.now() - bindparam("reach", type_=Interval)
)
_FORGET = delete(revocations).where(revocations.c.recorded_at < func.now() - bindparam("reach", type_=Interval))


@final
class RevocationList:
    """What this process knows. Asking costs three look-ups in a dictionary."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known = NEVER_READ
        self._all_read_at = float("-inf")

    def known(self) -> Revocations:
        """What was last read (`RevocationReader`)."""
        return self._known

    def is_revoked(self, principal: Principal, issued_at: float) -> bool:
        """Whether a token of that time is no longer good, for its session's, its account's or everybody's sake.

        Raises:
            RevocationsUnknown: the list is older than five seconds.
        """
        if not self._known.are_fresh(self._monotonic()):
            raise RevocationsUnknown
        return self._known.concern(principal, issued_at)

    async def read(self) -> None:
        """Take over what has been revoked anywhere. To be called again and again, twice a second at least.

        Raises:
            UnavailableError: the database is away.
        """
        started = self._monotonic()
        everything = not self._known.are_fresh(started) or started - self._all_read_at >= ALL_EVERY_S
        found = {} if everything else dict(self._known.not_before)
        async with self._database.reading() as connection:
            rows = await connection.execute(_READ, {"reach": REMEMBERED if everything else OVERLAP})
            for subject, not_before in rows:
                found[subject] = max(found.get(subject, 0.0), not_before)
        self._known = Revocations(found, started)
        if everything:
            self._all_read_at = started

    async def forget(self) -> None:
        """Delete what concerns no living token any more. Any process may, at any time."""
        async with self._database.transaction() as connection:
            await connection.execute(_FORGET, {"reach": REMEMBERED})
