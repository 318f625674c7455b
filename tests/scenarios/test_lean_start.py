"""An API that is ready has imported what it needs: the rest would be paid for by every start and every process."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from hedgerow_core.testing.servers import free_port
from hedgerow_users.infrastructure.argon2_hasher import OWASP
from tests.conftest import Production
from tests.processes import CHOSEN, NO_TLS, clean_environment

READY_WITHIN_S = 60.0
TELLS_AT_ITS_END = """
import atexit, json, os, pathlib, sys
told = pathlib.Path(os.environ.pop("MODULES_TO"))
atexit.register(lambda: told.write_text(json.dumps(sorted(sys.modules))))
from hedgerow_host.cli import main
main()
"""
SURPLUS = {
    "alembic": "reads and runs migrations, of which a database that is up to date needs none",
    "cryptography.x509.name": "comes with jwt, for keys that come in certificates",
    "dramatiq": "sends and takes hints, which is a worker's part",
    "fast_depends": "comes with dependency-injector where it happens to be installed",
    "jinja2": "comes with the first invoice that is printed",
    "mako": "comes with alembic",
    "email.policy": "writes mail, which a worker sends",
    "opentelemetry.sdk": "comes with redis where it happens to be installed, and with HEDGEROW_OTLP_ENDPOINT",
    "pika": "speaks to RabbitMQ, and the broker is a Redis",
    "purgatory": "comes with the first server that is called and may be away",
    "pydantic.v1": "comes with each field of a route that FastAPI builds",
    "pygments": "comes with rich",
    "sqlalchemy.orm": "comes with sqlalchemy.ext.asyncio, for sessions",
    "uvicorn.main": "comes with uvicorn, as its command line",
    "rich": "comes with structlog where it happens to be installed",
    "websockets": "comes with uvicorn, and there is no route for any",
    "werkzeug": "comes with dependency-injector where it happens to be installed",
}
"""What an API does without that is ready, and why."""
HASHES = """
import asyncio, psutil
from hedgerow_core.domain import Secret
from hedgerow_users.domain.password import Password
from hedgerow_users.infrastructure import argon2_hasher

async def hash():
    hasher, password = argon2_hasher.Argon2Hasher(queue=1), Password.chosen(Secret("correct horse"))
    held = lambda: psutil.Process().memory_full_info().uss / 2**20
    before = held()
    for _ in range(3):  # the memory of a first one goes back by itself
        await hasher.hash(password)
    await asyncio.sleep(argon2_hasher.QUIET_S + 1)
    print(held() - before)

asyncio.run(hash())
"""
HASH_MB = OWASP.memory_kib / 1024
COMPANY = {
    "structlog": "rich",
    "dependency_injector.containers": "werkzeug",
    "redis.asyncio": "opentelemetry.sdk",
}
"""Libraries, and what they bring along."""


def surplus(modules: Sequence[str]) -> set[str]:
    """What of these nobody needs."""
    return SURPLUS.keys() & set(modules)


def imported_by(*lines: str) -> list[str]:
    """The modules of a process that has run these lines."""
    program = "\n".join([*lines, "import json, sys", "print(json.dumps(sorted(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def test_an_api_that_is_ready_has_imported_nothing_that_it_does_without(
    shared_production: Production, tmp_path: Path
) -> None:
    modules = imported_until_ready(shared_production, tmp_path)

    assert {"fastapi", "sqlalchemy", "redis.asyncio", "hedgerow_users", "hedgerow_billing"} <= set(modules)
    assert surplus(modules) == set()


def test_what_it_has_imported_besides_is_seen() -> None:
    libraries = imported_by(*(f"import {library}" for library in COMPANY))

    assert surplus(libraries) >= set(COMPANY.values())


def test_libraries_come_without_the_company_that_they_look_for() -> None:
    start = ("from hedgerow_host.lean_start import start_lean", "start_lean()")
    lean = imported_by(*start)
    used_later = imported_by(*start, *(f"import {name}" for name in COMPANY.values()))

    assert set(COMPANY) <= set(lean)
    assert surplus(lean) == set()
    assert set(COMPANY.values()) <= set(used_later), "whoever wants one of them has it"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")
def test_when_nobody_has_logged_in_for_a_second_the_memory_of_hashing_goes_back() -> None:
    assert kept_mb("from hedgerow_host.lean_start import start_lean", "start_lean()") < HASH_MB / 2
    assert kept_mb() > HASH_MB / 2, "the twin: each thread has a heap of its own, which keeps it"


def kept_mb(*start: str) -> float:
    """What a process still holds of the memory of hashes, a moment after the last one."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*start, HASHES])], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def imported_until_ready(production: Production, folder: Path) -> list[str]:
    """The modules of `hedgerow api`, which tells them when it ends, after its first 200."""
    port, told = free_port(), folder / "modules.json"
    process = subprocess.Popen(
        [sys.executable, "-c", TELLS_AT_ITS_END, "api", "--port", str(port)],
        cwd=folder,
        env=clean_environment() | CHOSEN | production.environment | {"MODULES_TO": str(told)},
    )
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while not answers(f"http://127.0.0.1:{port}/readyz"):
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < deadline, "it is not ready"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(READY_WITHIN_S)
    return list(json.loads(told.read_text()))


def answers(url: str) -> bool:
    """Whether it answers 200."""
    try:
        return httpx.get(url, timeout=5, verify=NO_TLS).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
