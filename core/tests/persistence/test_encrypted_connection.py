"""With `?ssl=verify-full` nothing is told to a database whose certificate nobody vouches for."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing.servers import LOCALHOST

USER = "whoever-connects"
SSL_REQUEST_BYTES = 8


Certificate = tuple[Path, Path]
"""The files of a certificate and its key."""


def signed_by_itself(folder: Path) -> Certificate:
    """A certificate of this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a database")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOCALHOST))]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.crt").write_bytes(signed.public_bytes(Encoding.PEM))
    (folder / "server.key").write_bytes(private)
    return folder / "server.crt", folder / "server.key"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return signed_by_itself(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return signed_by_itself(tmp_path_factory.mktemp("another"))


@asynccontextmanager
async def listening(certificate: Certificate) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Somebody who offers TLS as PostgreSQL does, and keeps the first thing that is said behind it."""
    context, told = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), list[bytes]()
    context.load_cert_chain(*certificate)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(SSL_REQUEST_BYTES)
            writer.write(b"S")
            await writer.start_tls(context)
            told.append(await reader.read(1024))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(meet, LOCALHOST, 0) as server:
        yield server.sockets[0].getsockname()[1], told


async def told_to(certificate: Certificate) -> list[bytes]:
    """What a host says to a database with this certificate."""
    async with listening(certificate) as (port, told):
        url = f"postgresql://{USER}:hush@{LOCALHOST}:{port}/farm?ssl=verify-full"
        database = Database(DatabaseAddress.parse(url), "shop")
        with pytest.raises(UnavailableError):
            await database.ping()
        await database.close()
    return told


async def test_a_database_that_nobody_vouches_for_is_told_nothing(
    certificate: Certificate, another: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(another[0]))

    assert [said for said in await told_to(certificate) if said] == []


async def test_the_authority_that_is_named_in_the_environment_vouches(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(certificate[0]))

    (said,) = await told_to(certificate)

    assert USER.encode() in said
