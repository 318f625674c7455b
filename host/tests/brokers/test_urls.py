"""Which broker URLs are taken, what is said about the others, and that TLS means verified."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from hedgerow_core.testing.servers import free_port
from hedgerow_host.broker_signs import broker_answers
from hedgerow_host.rabbitmq import parameters_of
from hedgerow_host.settings import HostSettings


@pytest.mark.parametrize(
    "url",
    [
        "redis://broker:6379/0",
        "rediss://:secret@broker:6379/0",
        "unix:///run/redis.sock",
        "amqp://broker",
        "amqp://user:secret@broker:5672/vhost",
        "amqps://user:secret@broker:5671/%2Fshop",
    ],
)
def test_a_broker_url_is_taken(url: str) -> None:
    assert HostSettings(broker_url=url).broker_url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://broker", "redis://host:6379/0 or amqp://"),
        ("amqp:broker", "redis://host:6379/0 or amqp://"),
        ("amqp:///vhost", "expected amqp://user:password@host"),
        ("amqps://broker/?ssl_options={'verify_mode':0}", "nothing behind it"),
        ("amqp://user:wild#rose@broker", "nothing behind it"),
        ("amqp://user:wild/rose@broker", "%2F"),
        ("redis://:wild/rose@broker", "%2F"),
        ("redis://broker/0?password=wildrose", "the password goes before the host"),
    ],
)
def test_a_broker_url_is_refused_without_repeating_the_password(url: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HostSettings(broker_url=url)

    (error,) = caught.value.errors(include_input=False)
    assert said in error["msg"]
    assert "wild" not in error["msg"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://broker", ("broker", None, "/")),
        ("amqp://broker:1234/", ("broker", 1234, "/")),
        ("amqp://broker/shop", ("broker", None, "shop")),
        ("amqp://broker/%2Fshop", ("broker", None, "/shop")),
    ],
)
def test_an_amqp_url_names_host_port_and_vhost(url: str, expected: tuple[str, int | None, str]) -> None:
    found = parameters_of(url)

    assert (found["host"], found.get("port"), found["virtual_host"]) == expected


def test_user_and_password_of_an_amqp_url_are_percent_decoded() -> None:
    credentials = parameters_of("amqp://ann%40example:p%2Fw%23@broker")["credentials"]

    assert (credentials.username, credentials.password) == ("ann@example", "p/w#")


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
@pytest.mark.parametrize(
    ("trusted", "name", "accepted"),
    [
        (True, "127.0.0.1", True),
        (False, "127.0.0.1", False),
        (True, "192.0.2.1", False),
    ],
    ids=["trusted", "unknown issuer", "another host"],
)
async def test_tls_goes_on_only_with_a_certificate_that_is_trusted_and_names_the_host(
    scheme: str, trusted: bool, name: str, accepted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(name, tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with tls_server(certificate) as (port, said):
        await broker_answers(f"{scheme}://user:secret@127.0.0.1:{port}")

    assert bool(said) is accepted, "spoke to it" if said else "did not speak to it"


@asynccontextmanager
async def tls_server(certificate: Path) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that speaks TLS, and what has been said to it once the handshake was through."""
    said: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first := await reader.read(1):
            said.append(first)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    port = free_port()
    async with await asyncio.start_server(listen, "127.0.0.1", port, ssl=context):
        yield port, said


def self_signed(address: str, folder: Path) -> Path:
    """A certificate for an IP address, with its key, that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "certificate.pem"
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return file
