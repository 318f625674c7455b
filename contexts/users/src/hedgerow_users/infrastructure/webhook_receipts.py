"""Remembers which webhooks were acted upon, in the transaction that acts: of any number of copies, one does."""

from __future__ import annotations

from datetime import datetime
from typing import final

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_users.infrastructure.tables import webhook_receipts

# Who comes second waits here until the first has committed, and then stores nothing.
_NOTE = (
    insert(webhook_receipts)
    .on_conflict_do_nothing(constraint="pk_webhook_receipts")
    .returning(webhook_receipts.c.webhook_id)
)
_FORGET = delete(webhook_receipts).where(  # ix_webhook_receipts_received
    webhook_receipts.c.received_at < bindparam("before")
)


@final
class WebhookReceipts:
    """The port `Receipts`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, provider: str, webhook_id: str, *, at: datetime, forget_before: datetime) -> bool:
        """Note it; clear up."""
        noted = await self._connection.execute(
            _NOTE, {"provider": provider, "webhook_id": webhook_id, "received_at": at}
        )
        if noted.one_or_none() is None:
            return False
        await self._connection.execute(_FORGET, {"before": forget_before})
        return True
