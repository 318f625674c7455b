"""The installed command starts each role from nothing: most other tests fork what is imported already."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from hedgerow_core.testing.servers import free_port
from tests.conftest import Production
from tests.processes import CHOSEN, COMMAND, clean_environment

WITHIN_S = 60.0
WRITTEN = {"worker": "worker_ready", "dev": "Ctrl-C stops everything."}


@pytest.mark.parametrize("role", ["api", "worker", "dev"])
def test_a_role_starts_works_and_stops_when_told(shared_production: Production, role: str, tmp_path: Path) -> None:
    environment = clean_environment()
    if role != "dev":
        environment |= CHOSEN | shared_production.environment
    log, port = tmp_path / "log", str(free_port())
    arguments = [role] if role == "worker" else [role, "--port", port]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, *arguments], cwd=tmp_path, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            deadline = time.monotonic() + WITHIN_S
            while not (answers(port) if role == "api" else WRITTEN[role] in log.read_text()):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0, log.read_text()
        finally:
            process.kill()


def answers(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).is_success
    except httpx.TransportError:
        return False
