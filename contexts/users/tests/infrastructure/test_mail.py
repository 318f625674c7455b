"""Mail over a real SMTP server: what it says, under which protection, and what happens when it is refused."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_core.testing.servers import free_port
from hedgerow_users.application.mail_ports import MailNotSent, Message
from hedgerow_users.domain.email import Email
from hedgerow_users.infrastructure.mail.choice import SmtpUrlMissing, mailer_for
from hedgerow_users.infrastructure.mail.console_mailer import ConsoleMailer
from hedgerow_users.infrastructure.mail.smtp_mailer import SmtpMailer
from hedgerow_users.settings import SmtpAddress

SENDER = "Hedgerow <no-reply@example.com>"
LONG = "x" * 200
MESSAGE = Message(to=Email("ada@example.org"), subject="Grüße", text=f"Zweige & Äste\n\n{LONG}\n")


def mailer_to(url: str, trust: ssl.SSLContext | None = None) -> SmtpMailer:
    return SmtpMailer(SmtpAddress.parse(url), FakeClock(), sender=SENDER, trust=trust)


async def test_a_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    await mailer_to(mailbox.url).send(MESSAGE)
    (mail,) = mailbox.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, "ada@example.org", "Grüße")
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.com>")
    assert mail["Date"] == "Thu, 15 Jan 2026 12:00:00 +0000"


async def test_a_refusal_is_told_without_the_reader(mailbox: Mailbox) -> None:
    mailbox.refusal = "451 no room for ada@example.org"
    with pytest.raises(MailNotSent) as refused:
        await mailer_to(mailbox.url).send(MESSAGE)
    assert "ada" not in str(refused.value)
    assert "USERS_SMTP_URL" in str(refused.value)


async def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(MailNotSent):
        await mailer_to(f"smtp://127.0.0.1:{free_port()}?starttls=never").send(MESSAGE)


async def test_starttls_is_demanded_not_hoped_for(mailbox: Mailbox) -> None:
    with pytest.raises(MailNotSent):
        await mailer_to(f"smtp://127.0.0.1:{mailbox.port}").send(MESSAGE)
    assert mailbox.mails == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    written = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(written.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return public, private


@pytest.fixture
def guarded(certificate: tuple[Path, Path]) -> Iterator[Mailbox]:
    """A server that speaks TLS and wants a login."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    mailbox = Mailbox(tls=tls, login=("me", "hush"))
    mailbox.start()
    yield mailbox
    mailbox.stop()


async def test_login_and_mail_go_through_tls(guarded: Mailbox, certificate: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=certificate[0])
    await mailer_to(f"smtp://me:hush@127.0.0.1:{guarded.port}", trust).send(MESSAGE)
    assert len(guarded.mails) == 1


async def test_a_certificate_that_nobody_vouches_for_gets_no_password(guarded: Mailbox) -> None:
    with pytest.raises(MailNotSent):
        await mailer_to(f"smtp://me:hush@127.0.0.1:{guarded.port}").send(MESSAGE)
    assert guarded.mails == []


async def test_a_wrong_login_is_told(guarded: Mailbox, certificate: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=certificate[0])
    with pytest.raises(MailNotSent):
        await mailer_to(f"smtp://me:wrong@127.0.0.1:{guarded.port}", trust).send(MESSAGE)


async def test_the_console_shows_the_whole_mail() -> None:
    with structlog.testing.capture_logs() as lines:
        await ConsoleMailer().send(MESSAGE)
    (line,) = lines
    assert (line["event"], line["to"], line["text"]) == ("mail_printed", "ada@example.org", MESSAGE.text)


def test_mail_is_printed_in_dev_alone() -> None:
    assert isinstance(mailer_for("dev", FakeClock(), None, SENDER), ConsoleMailer)
    for environment in ("test", "prod"):
        with pytest.raises(SmtpUrlMissing, match="USERS_SMTP_URL"):
            mailer_for(environment, FakeClock(), None, SENDER)


def test_who_has_a_server_sends() -> None:
    for environment in ("dev", "test", "prod"):
        address = SmtpAddress.parse("smtps://mail.example.org")
        assert isinstance(mailer_for(environment, FakeClock(), address, SENDER), SmtpMailer)


def test_a_message_does_not_print_its_text() -> None:
    assert LONG not in repr(MESSAGE)
