"""Prints mail instead of sending it. For `dev` alone: what it prints opens accounts."""

from __future__ import annotations

from typing import final

from hedgerow_core.observability import log_of
from hedgerow_users.application.mail_ports import Message

_log = log_of(__name__)


@final
class ConsoleMailer:
    """Puts mail into the log (port `Mailer`), link and all, where whoever develops can follow it."""

    async def send(self, message: Message) -> None:
        """Print it."""
        _log.info("mail_printed", to=message.to.address, subject=message.subject, text=message.text)
