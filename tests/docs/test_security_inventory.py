"""docs/security.md names every piece of cryptography, every way out, every end of a session and every field."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from hedgerow_users.domain.session import EndReason
from hedgerow_users.interfaces.schemas import AccountAnswer
from tests.docs.markdown import DOCS, names_in, rows, section, table

ROOT = DOCS.parent
SOURCES = [ROOT / "core/src", ROOT / "host/src", *sorted(ROOT.glob("contexts/*/src"))]
TEST_KIT = ("hedgerow_core/testing/", "hedgerow_host/testing/")
CRYPTOGRAPHY = {
    "argon2",
    "cryptography",
    "hashlib",
    "hmac",
    "jwt",
    "nacl",
    "passlib",
    "pyotp",
    "random",
    "secrets",
    "ssl",
}
CALLS_OF_CRYPTOGRAPHY = {"urandom", "uuid4", "verify_header"}
OUTWARDS = {
    "aiohttp",
    "aiosmtplib",
    "grpc",
    "http.client",
    "httpcore",
    "faststream",
    "httpx",
    "pika",
    "redis",
    "requests",
    "smtplib",
    "urllib.request",
    "urllib3",
}
OUTWARDS_BELOW = ("opentelemetry.exporter",)
CALLS_OUTWARDS = {"create_async_engine", "open_connection", "create_connection", "StripeClient"}

Search = Callable[[str], bool]


def imported(source: str) -> Iterator[str]:
    """Every module that a source imports, by its full name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def called(source: str) -> Iterator[str]:
    """The last name of everything that a source calls."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def uses_cryptography(source: str) -> bool:
    """Whether a source hashes, signs, encrypts or draws random numbers itself."""
    return any(name.split(".")[0] in CRYPTOGRAPHY for name in imported(source)) or bool(
        CALLS_OF_CRYPTOGRAPHY & set(called(source))
    )


def connects(source: str) -> bool:
    """Whether a source can connect to another server by itself."""
    modules = list(imported(source))
    return (
        any(name in OUTWARDS or name.split(".")[0] in OUTWARDS for name in modules)
        or any(name.startswith(OUTWARDS_BELOW) for name in modules)
        or bool(CALLS_OUTWARDS & set(called(source)))
    )


def found_by(search: Search) -> set[str]:
    """The files of the product that a search finds, as they are written in the document."""
    return {
        name
        for folder in SOURCES
        for path in folder.rglob("*.py")
        if not (name := path.relative_to(folder).as_posix()).startswith(TEST_KIT) and search(path.read_text())
    }


def named_in(text: str) -> set[str]:
    """The files that the last column of a table names."""
    return {name for cells in rows(text) for name in names_in(cells[-1])}


def disagreements(exists: Iterable[str], written: Iterable[str]) -> list[str]:
    """What only one of both knows."""
    exists, written = set(exists), set(written)
    return sorted([f"{name} is not written down" for name in exists - written]) + sorted(
        [f"{name} is gone" for name in written - exists]
    )


@pytest.fixture(scope="module")
def document() -> str:
    return (DOCS / "security.md").read_text()


def test_every_piece_of_cryptography_is_in_the_inventory(document: str) -> None:
    assert disagreements(found_by(uses_cryptography), named_in(section(document, "Keys and algorithms"))) == []


def test_every_way_out_is_in_the_inventory(document: str) -> None:
    assert disagreements(found_by(connects), named_in(section(document, "Connections"))) == []


def test_every_end_of_a_session_is_named(document: str) -> None:
    assert disagreements(map(str, EndReason), table(section(document, "Sessions"))) == []


def test_every_field_of_an_account_is_named(document: str) -> None:
    assert disagreements(AccountAnswer.model_fields, table(section(document, "Fields"))) == []


@pytest.mark.parametrize(
    ("source", "search"),
    [
        ("import hashlib", uses_cryptography),
        ("from cryptography.hazmat.primitives import hashes", uses_cryptography),
        ("import os\nkey = os.urandom(8)", uses_cryptography),
        ("import random", uses_cryptography),
        ("import httpx", connects),
        ("from faststream.redis import RedisBroker", connects),
        ("def late():\n    from urllib.request import urlopen", connects),
        ("from opentelemetry.exporter.otlp.proto.http import trace_exporter", connects),
        ("import stripe\nstripe.WebhookSignature.verify_header(body, header, secret)", uses_cryptography),
        ("import stripe\nstripe.StripeClient('key')", connects),
        ("import asyncio\nasyncio.open_connection('evil.example', 1)", connects),
    ],
)
def test_what_is_new_is_noticed(source: str, search: Search) -> None:
    assert search(source)
    assert not search("import os\nos.getcwd()")


def test_what_only_one_side_knows_is_said() -> None:
    assert disagreements({"a", "b"}, {"b", "c"}) == ["a is not written down", "c is gone"]
    assert named_in("| what | where |\n|---|---|\n| x | `a.py`, `b.py` |\n") == {"a.py", "b.py"}


def test_the_files_that_the_document_names_exist(document: str) -> None:
    for name in named_in(section(document, "Keys and algorithms")) | named_in(section(document, "Connections")):
        assert any(Path(folder, name).is_file() for folder in SOURCES), name
