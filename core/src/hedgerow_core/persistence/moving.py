"""What a serving process knows of a context that moves to another database: that its fence is closed here.

Only one of the two databases takes writes. In the other one, triggers refuse them with an error code of ours. Both
are made by whoever moves the context (`hedgerow extract run`), and are gone when it has moved.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import UnavailableError

EXTRACTION = "hedgerow_extraction"
"""The schema in which a move keeps its state, at both sides, for as long as it lasts."""
WRITE_REFUSED = "MV001"
"""The SQLSTATE of a write to a side that is closed. Of the classes that the standard leaves to implementations."""
RETRY_AFTER = timedelta(seconds=1)

# A sequence is not subject to snapshots: also a transaction that began before the fence was closed sees it closed.
_CLOSED = text("SELECT pg_sequence_last_value(to_regclass(:fence)) > extract(epoch FROM clock_timestamp()) * 1000")


class ContextIsMoving(UnavailableError):
    """The context is moving to another database, and this one takes no writes of it. Reads go on.

    Fix: wait for `Retry-After`, a second; then the other host may be the one to ask.
    """

    code = "context_is_moving"

    def __init__(self) -> None:
        super().__init__(
            "This context is moving to another database, which takes a moment. Try again shortly.",
            retry_after=RETRY_AFTER,
        )


def fence_of(context: str) -> str:
    """The sequence that says until when, in milliseconds since 1970, the context's fence is closed."""
    return f"{EXTRACTION}.fence_{context}"


async def is_closed(connection: AsyncConnection, context: str) -> bool:
    """Whether this database takes no writes of the context. Never, when no move is under way."""
    return bool((await connection.execute(_CLOSED, {"fence": fence_of(context)})).scalar_one())
