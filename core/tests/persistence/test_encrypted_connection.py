"""With `?sslmode=verify-full` nothing is told to a database whose certificate nobody vouches for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.tests.certificates import Certificate, signed_by_itself
from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing.servers import LOCALHOST

USER = "whoever-connects"
SSL_REQUEST_BYTES = 8


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


async def told_to(certificate: Certificate, said: str) -> list[bytes]:
    """What a host says to a database with this certificate, with this behind its URL."""
    async with listening(certificate) as (port, told):
        url = f"postgresql://{USER}:hush@{LOCALHOST}:{port}/farm?{said}"
        database = Database(DatabaseAddress.parse(url), "shop")
        with pytest.raises(UnavailableError):
            await database.ping()
        await database.close()
    return told


CHECKED = pytest.mark.parametrize("said", ["sslmode=verify-full", "ssl=verify-full"])


@CHECKED
async def test_a_database_that_nobody_vouches_for_is_told_nothing(
    certificate: Certificate, another: Certificate, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(another[0]))

    assert [heard for heard in await told_to(certificate, said) if heard] == []


@CHECKED
async def test_the_authority_that_is_named_in_the_environment_vouches(
    certificate: Certificate, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(certificate[0]))

    (heard,) = await told_to(certificate, said)

    assert USER.encode() in heard


async def test_require_encrypts_and_checks_nothing(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # where the driver looks for an authority, too

    (heard,) = await told_to(certificate, "sslmode=require")

    assert USER.encode() in heard


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("sslmode=on", "sslmode is one of disable, allow"),
        ("ssl=true", "sslmode is one of disable, allow"),
        ("sslmode=require&ssl=disable", "said once"),
        ("sslmode=require&sslmode=disable", "sslmode is one of"),
        ("channel_binding=require", "the option channel_binding is not known"),
        ("sslmode=require&sslrootcert=ca.pem", "PGSSLROOTCERT"),
        ("hush@farm/db=1", "what stands behind . is not known"),
    ],
)
def test_an_option_that_means_nothing_is_named_at_once_and_no_password_is(said: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        DatabaseAddress.parse(f"postgresql://ann:hush@farm/db?{said}")
    assert "hush" not in str(refused.value)
