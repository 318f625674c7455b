"""Whether a context has anything to do right now: for who must wait until all that was set going has arrived."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.messaging.cursors import feeds_here
from hedgerow_core.messaging.due import due_partitions
from hedgerow_core.messaging.health import look

# Nothing is due in partitions that are not there yet: they come with the first worker.
_IS_WORKED_ON = text(
    """
    SELECT EXISTS (SELECT FROM delivery_partitions
            WHERE subscription = ANY(:names) AND expires_at > clock_timestamp())
        OR EXISTS (SELECT FROM unnest(:names) name WHERE name <> ALL(SELECT subscription FROM delivery_partitions))
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))


async def is_quiet(
    connection: AsyncConnection, consumers: Mapping[str, Consumer], publishers: Mapping[str, str]
) -> bool:
    """Whether every event has been carried here, nothing is due, and nobody works on anything.

    `publishers` says of each subscription to whom it listens. What is dead, paused or due later counts as quiet,
    and so does a feed that has ended. A context in which no worker ever ran is not quiet.
    """
    names = list(consumers)
    feeds = await feeds_here(connection, publishers.values())
    stands = {stand.subscription: stand for stand in await look(connection, names, publishers=feeds)}
    for subscription, publisher in publishers.items():
        stand = stands[subscription]
        carried = stand.publisher is not None and stand.relay_lag_s is None
        if publisher in feeds and not carried and stand.feed_expired_s is None:
            return False
    ordered = [name for name, consumer in consumers.items() if consumer.ordered]
    if await due_partitions(connection, names, ordered=ordered):
        return False
    return not (await connection.execute(_IS_WORKED_ON, {"names": names})).scalar_one()
