"""A real SMTP server for tests, which keeps what it is handed."""

from __future__ import annotations

import email
import email.policy
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hedgerow_core.testing.servers import LOCALHOST, free_port

ARRIVES_WITHIN_S = 15.0


class Mailbox:
    """Serves in a thread of its own. It may demand TLS and a login, and refuse mail on request."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.refusal: str | None = None
        """What it answers instead of taking a mail: `451 try later`."""
        self._login = login
        self._controller = Controller(
            self,
            hostname=LOCALHOST,
            port=free_port(),
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=self._knows if login else None,
            auth_required=login is not None,
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._controller.port

    @property
    def url(self) -> str:
        """Its address for who sends in the clear."""
        return f"smtp://{LOCALHOST}:{self.port}?starttls=never"

    def start(self) -> None:
        """Listen."""
        self._controller.start()

    def stop(self) -> None:
        """Listen no more."""
        self._controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """What has arrived for an address, the oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]

    def wait_for(self, address: str, *, about: str = "") -> EmailMessage:
        """The latest mail to an address whose subject holds `about`; waits for it."""

        def arrived() -> list[EmailMessage]:
            return [mail for mail in self.to(address) if about in mail["Subject"]]

        return _soon(arrived, f"no mail to {address} about {about!r}")[-1]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by the server for every mail."""
        if self.refusal:
            return self.refusal
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101 - as we have not asked for text
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)  # noqa: S101 - so says the policy
        self.mails.append(mail)
        return "250 OK"

    def _knows(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)  # noqa: S101 - LOGIN and PLAIN are all there is
        fits = self._login == (given.login.decode(), given.password.decode())
        return AuthResult(success=fits, handled=False)  # the server answers for us


def _soon(look: Callable[[], list[EmailMessage]], complaint: str) -> list[EmailMessage]:
    deadline = time.monotonic() + ARRIVES_WITHIN_S
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(complaint)
        time.sleep(0.02)
    return found
