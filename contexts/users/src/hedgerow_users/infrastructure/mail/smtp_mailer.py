"""Hands mail to an SMTP server, one connection a mail: accounts get few, and no idle line goes stale.

What writes and carries mail is imported with the first one (10 ms): an API has none to send.
"""

from __future__ import annotations

import ssl
from email.utils import format_datetime, make_msgid, parseaddr
from functools import cached_property
from typing import TYPE_CHECKING, final

from hedgerow_core.domain import Clock
from hedgerow_users.application.mail_ports import MailNotSent, Message
from hedgerow_users.settings import SmtpAddress

if TYPE_CHECKING:
    from email.message import EmailMessage

TIMEOUT_S = 15.0
"""For connecting and for every answer; well below the minute after which the ledger gives an attempt up."""


@final
class SmtpMailer:
    """Sends over SMTP (port `Mailer`).

    Certificates are verified against the system's authorities; one of your own goes into SSL_CERT_FILE.
    """

    def __init__(
        self, address: SmtpAddress, clock: Clock, *, sender: str, trust: ssl.SSLContext | None = None
    ) -> None:
        self._address = address
        self._clock = clock
        self._sender = sender
        # Named, because asking the system for our name may stand still for seconds, and the event loop with it.
        self._domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        self._trusted = trust

    async def send(self, message: Message) -> None:
        """Hand it over.

        Raises:
            MailNotSent: no connection, no TLS where it is demanded, or a refusal.
        """
        import aiosmtplib

        to = self._address
        try:
            await aiosmtplib.send(
                self._written(message),
                hostname=to.host,
                port=to.port,
                username=to.user,
                password=to.password.reveal() if to.password else None,
                use_tls=to.tls,
                start_tls=to.starttls,
                tls_context=self._trust,
                local_hostname=self._domain,
                timeout=TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            # Its type alone: a server's refusal likes to quote the reader's address, and this ends in the ledger.
            raise MailNotSent(type(error).__name__) from None

    @cached_property
    def _trust(self) -> ssl.SSLContext | None:
        """Read when the first mail goes out: it takes 20 ms, and an API starts without."""
        is_encrypted = self._address.tls or self._address.starttls
        return (self._trusted or ssl.create_default_context()) if is_encrypted else None

    def _written(self, message: Message) -> EmailMessage:
        from email.message import EmailMessage
        from email.policy import SMTP

        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = message.to.address
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = make_msgid(domain=self._domain)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no holiday note needs to answer
        mail.set_content(message.text)
        return mail
