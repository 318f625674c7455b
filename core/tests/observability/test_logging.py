"""A line of the log stays one line of JSON, whatever stands in it; what fails is logged, and shows no values."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog.testing
from starlette.types import Receive, Scope, Send

from hedgerow_core.http.middleware import RequestBoundary

HOSTILE = 'ann\n{"event": "admin_created", "level": "info"}\r\x1b[2Jend'
SECRET = "hunter2hunter2"
PROGRAM = f"""
import logging
from hedgerow_core.observability import LogFormat, configure_logging, log_of
configure_logging(LogFormat.JSON)
log = log_of("shop")
log.info("request", path={HOSTILE!r})
logging.getLogger("library").warning("it says %s", {HOSTILE!r})
def fail(password):
    raise RuntimeError("broken")
try:
    fail({SECRET!r})
except RuntimeError:
    log.exception("request_failed")
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What a process of its own has written; logging is set up once a process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "", "results go to stdout, logs never"
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_nothing_that_is_logged_begins_a_line_of_its_own(lines: list[dict[str, Any]]) -> None:
    assert [line["event"].partition(" ")[0] for line in lines] == ["request", "it", "request_failed"]
    assert lines[0]["path"] == HOSTILE
    assert HOSTILE in lines[1]["event"]


def test_every_line_says_what_where_how_grave_and_when_in_utc(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert {"event", "level", "logger", "timestamp"} <= line.keys()
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


def test_a_traceback_names_places_and_no_values(lines: list[dict[str, Any]]) -> None:
    assert "RuntimeError: broken" in lines[2]["exception"]
    assert SECRET not in json.dumps(lines)


async def test_what_nobody_foresaw_is_logged_with_its_traceback_and_its_request() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("broken")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(RequestBoundary(broken))) as client:
        with structlog.testing.capture_logs() as logged:
            await client.get("http://test/shop")

    failed, answered = logged
    assert (failed["event"], failed["log_level"], failed["exc_info"]) == ("request_failed", "error", True)
    assert failed["path"] == answered["path"] == "/shop"
    assert (answered["event"], answered["status"]) == ("request", 500)
