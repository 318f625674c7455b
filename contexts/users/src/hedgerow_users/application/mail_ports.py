"""What the use cases need to send mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from hedgerow_core.domain import UnavailableError
from hedgerow_users.domain.email import Email


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A mail to one reader, in plain text. It may hold a link that opens an account, so it is never printed."""

    to: Email
    subject: str
    text: str = field(repr=False)


class Mailer(Protocol):
    """Hands mail over to whoever delivers it. Called by tasks, outside of transactions; may repeat a mail."""

    async def send(self, message: Message) -> None:
        """Hand it over; returns once the other side has taken it.

        Raises:
            MailNotSent: it was not taken, so far as we know.
        """
        ...


class MailNotSent(UnavailableError):
    """The mail server is away or refused a mail. In tasks only, never an answer.

    Fix: operators: look at `USERS_SMTP_URL`.
    """

    code = "users.mail_not_sent"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The mail was not taken: {why}. Look at USERS_SMTP_URL.", retry_after=timedelta(minutes=1)
        )
