"""Where a subscription is in the feed of another host: the cursors of `cursors`, with no outbox beside them.

The snapshots are the publisher's, and nothing here looks into one. What the publisher said last stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import final

from sqlalchemy import BigInteger, DateTime, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.cursors import RESCAN, beginnings_of, take_leases
from hedgerow_core.messaging.feed_pages import MAX_ID, UNKNOWN_CLUSTER, PageHead
from hedgerow_core.observability import log_of

_log = log_of(__name__)
_NAMES = bindparam("names", type_=ARRAY(Text))

# Heard now, though it was not: a publisher that never answers has been silent since the first time we wanted it to.
_OPEN = text(
    """
    INSERT INTO feed_cursors (publisher, subscription, snapshot, after_id, since, system_identifier, heard_at)
    SELECT :publisher, name, CASE WHEN latest THEN :rescan ELSE :beginning END,
        CASE WHEN latest THEN :end ELSE 0 END, since, :unknown, clock_timestamp()
    FROM unnest(:names, CAST(:latest AS boolean[]), :since) AS wanted(name, latest, since)
    ON CONFLICT (publisher, subscription) DO UPDATE SET heard_at = clock_timestamp()
    WHERE feed_cursors.heard_at IS NULL
    """
).bindparams(
    _NAMES,
    bindparam("since", type_=ARRAY(DateTime(timezone=True))),
    bindparam("end", type_=BigInteger),
    bindparam("unknown", type_=BigInteger),
)

_MOVE = text(
    """
    UPDATE feed_cursors SET snapshot = :snapshot, target = :target, after_id = :after, system_identifier = :cluster,
        heard_at = clock_timestamp(), waiting_since = :waiting_since, oldest_id = coalesce(:oldest, oldest_id)
    WHERE publisher = :publisher AND subscription = ANY(:names)
    """
).bindparams(
    _NAMES,
    bindparam("target", type_=Text),
    bindparam("after", type_=BigInteger),
    bindparam("cluster", type_=BigInteger),
    bindparam("oldest", type_=BigInteger),
    bindparam("waiting_since", type_=DateTime(timezone=True)),
)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where one or more subscriptions are. Those that are at the same place move together."""

    cluster: int
    snapshot: str
    target: str | None
    after: int

    def behind(self, head: PageHead) -> Place:
        """The place behind this page."""
        if head.more:
            return replace(self, cluster=head.cluster, target=head.window, after=head.last)
        return Place(head.cluster, head.window or self.snapshot, None, 0)

    def in_another(self, cluster: int) -> Place:
        """The place before the oldest event there is in this cluster."""
        return Place(cluster, RESCAN, None, 0)


Places = Mapping[Place, tuple[str, ...]]
"""Which subscriptions are where."""


@final
@dataclass(frozen=True, slots=True)
class Led:
    """The cursors whose lease we have."""

    places: Places
    since: Mapping[str, datetime | None]
    """By subscription: what occurred before is not wanted."""

    def earliest(self, names: Sequence[str]) -> datetime | None:
        """What occurred before is wanted by none of these."""
        since = [self.since[name] for name in names]
        return min((each for each in since if each is not None), default=None) if None not in since else None


async def open_cursors(connection: AsyncConnection, publisher: str, subscriptions: Sequence[Subscription]) -> None:
    """Create the cursors that are missing, each where its subscription wants to start."""
    elsewhere = {"rescan": RESCAN, "end": MAX_ID, "unknown": UNKNOWN_CLUSTER}
    await connection.execute(_OPEN, beginnings_of(publisher, subscriptions) | elsewhere)


async def lead(connection: AsyncConnection, publisher: str, names: Sequence[str], *, holder: str) -> Led:
    """Take or renew the lease of these cursors; those that another relay leads are left out."""
    rows = await take_leases(connection, publisher, names, holder=holder)
    places: dict[Place, list[str]] = {}
    for row in rows:
        place = Place(row.system_identifier, row.snapshot, row.target, row.after_id)
        places.setdefault(place, []).append(row.subscription)
    since = {row.subscription: row.since for row in rows}
    return Led({place: tuple(sorted(found)) for place, found in places.items()}, since)


async def move(
    connection: AsyncConnection, publisher: str, names: Sequence[str], to: Place, head: PageHead
) -> None:
    """Put cursors where a page has led them, and note what the publisher said with it."""
    where = {
        "publisher": publisher,
        "names": list(names),
        "cluster": to.cluster,
        "snapshot": to.snapshot,
        "target": to.target,
        "after": to.after,
        "waiting_since": head.waiting_since,
        "oldest": head.oldest,
    }
    await connection.execute(_MOVE, where)


def tell_of_restart(publisher: str) -> None:
    """The publisher's events lie in another cluster than before: it was restored, or has moved."""
    _log.warning("feed_restarted", publisher=publisher, reason="its database is another one now")
