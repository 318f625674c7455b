"""Replays a subscription whose publisher lives in another host: has its relay read the whole feed again.

Nothing of the feed is here to choose from. What the subscription has had already is not doubled.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import ValidationError
from hedgerow_core.messaging.actions import Decision, write_down
from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.cursors import RESCAN

_STOPPED = text(
    """
    SELECT expired_at IS NOT NULL FROM feed_cursors
    WHERE publisher = :publisher AND subscription = :subscription AND heard_at IS NOT NULL
    """
)
_START_OVER = text(
    """
    UPDATE feed_cursors SET snapshot = :rescan, target = NULL, after_id = 0, expired_at = NULL
    WHERE publisher = :publisher AND subscription = :subscription
    """
)


async def stopped_elsewhere(connection: AsyncConnection, subscription: Subscription) -> bool | None:
    """Whether its feed, in another host, has expired; None if its publisher lives in no other host."""
    found = await connection.execute(_STOPPED, _where(subscription))
    stopped: bool | None = found.scalar_one_or_none()
    return stopped


async def read_again(
    connection: AsyncConnection, subscription: Subscription, decision: Decision, *, whole: bool
) -> None:
    """Put its cursor before the oldest event that the publisher keeps, and let an expired feed go on.

    Raises:
        ValidationError: it shall not be the `whole` feed.
    """
    if not whole:
        raise ValidationError(
            f"{subscription.publisher} lives in another host, so its feed can only be read again as a whole. "
            "Leave out the filter, --again and --after.",
            code="feed_elsewhere",
        )
    await connection.execute(_START_OVER, _where(subscription) | {"rescan": RESCAN})
    await write_down(connection, "replay", {"subscription": subscription.name, "elsewhere": True}, decision, 0)


def _where(subscription: Subscription) -> dict[str, object]:
    return {"publisher": subscription.publisher, "subscription": subscription.name}
