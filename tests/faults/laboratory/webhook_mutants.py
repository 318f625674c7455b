"""Builds of webhooks that send wrongly, on purpose; see `mutants`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4


def names_every_attempt_anew() -> None:
    """Each request has an id of its own, so no receiver can tell that it has had it already."""
    from hedgerow_webhooks.application.tasks.send_message import SendMessageHandler

    sound = SendMessageHandler._send

    async def send(self: SendMessageHandler, outgoing: Any, now: Any) -> Any:
        return await sound(self, replace(outgoing, webhook_id=uuid4()), now)

    SendMessageHandler._send = send  # type: ignore[method-assign]


def takes_sending_for_arriving() -> None:
    """The message is settled before it is sent: at most once, and not at least once."""
    from sqlalchemy import text

    from hedgerow_webhooks.application.tasks.send_message import SendMessageHandler

    sound = SendMessageHandler._send

    async def send(self: SendMessageHandler, outgoing: Any, now: Any) -> Any:
        reader: Any = self._messages
        async with reader._database.transaction() as connection:
            settled = text("UPDATE messages SET status = 'delivered' WHERE id = :id")
            await connection.execute(settled, {"id": outgoing.message_id})
        return await sound(self, outgoing, now)

    SendMessageHandler._send = send  # type: ignore[method-assign]


WEBHOOK_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant for mutant in (names_every_attempt_anew, takes_sending_for_arriving)
}
