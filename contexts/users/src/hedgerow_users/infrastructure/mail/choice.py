"""Decides how mail leaves this process."""

from __future__ import annotations

from hedgerow_core.domain import Clock
from hedgerow_users.application.mail_ports import Mailer
from hedgerow_users.infrastructure.mail.console_mailer import ConsoleMailer
from hedgerow_users.infrastructure.mail.smtp_mailer import SmtpMailer
from hedgerow_users.settings import SmtpAddress


class SmtpUrlMissing(Exception):
    """Outside of `dev`, mail must leave the house: on a console it would hand accounts to whoever reads logs."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"USERS_SMTP_URL is not set, and in {environment} mail is not printed but sent. "
            "Set it to smtp://user:password@host:587 or smtps://user:password@host"
        )


def mailer_for(environment: str, clock: Clock, address: SmtpAddress | None, sender: str) -> Mailer:
    """The mailer for an environment.

    Raises:
        SmtpUrlMissing: nobody takes mail, and this is not `dev`.
    """
    if address is not None:
        return SmtpMailer(address, clock, sender=sender)
    if environment != "dev":
        raise SmtpUrlMissing(environment)
    return ConsoleMailer()
