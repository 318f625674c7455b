"""Paused subscriptions: nothing of them is claimed until they are resumed. What runs already comes to its end.

Events keep arriving as deliveries, so nothing is lost and the order stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.actions import Decision, write_down


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedSubscription:
    """A subscription that stands still: since when, by whom, and why."""

    subscription: str
    actor: str
    reason: str
    at: datetime


_PAUSE = text(
    """
    INSERT INTO paused_subscriptions (subscription, actor, reason) VALUES (:name, :by, :why)
    ON CONFLICT DO NOTHING
    """
)
_RESUME = text("DELETE FROM paused_subscriptions WHERE subscription = :name")
_LIST = text("SELECT subscription, actor, reason, at FROM paused_subscriptions ORDER BY at DESC, subscription")


# Workers register the partitions of all that they consume.
_IS_KNOWN = text(
    """
    SELECT EXISTS (SELECT FROM delivery_partitions WHERE subscription = :name)
        OR EXISTS (SELECT FROM paused_subscriptions WHERE subscription = :name)
    """
)


async def is_known(connection: AsyncConnection, subscription: str) -> bool:
    """Whether a subscription or task of this name is of this context."""
    return bool((await connection.execute(_IS_KNOWN, {"name": subscription})).scalar_one())


async def pause(connection: AsyncConnection, subscription: str, decision: Decision) -> bool:
    """Claim nothing of it from now on. False if it was paused already."""
    found = await connection.execute(_PAUSE, {"name": subscription, "by": decision.by, "why": decision.why})
    return await _written_down(connection, "pause", subscription, decision, found.rowcount)


async def resume(connection: AsyncConnection, subscription: str, decision: Decision) -> bool:
    """Let it go on. False if it was not paused."""
    found = await connection.execute(_RESUME, {"name": subscription})
    return await _written_down(connection, "resume", subscription, decision, found.rowcount)


async def listed(connection: AsyncConnection) -> list[PausedSubscription]:
    """What stands still, the latest first."""
    return [PausedSubscription(**row._mapping) for row in await connection.execute(_LIST)]


async def _written_down(
    connection: AsyncConnection, action: str, subscription: str, decision: Decision, changed: int
) -> bool:
    if changed:
        await write_down(connection, action, {"subscription": subscription}, decision, 1)
    return changed > 0
