"""A line of the log stays one line of JSON, whatever stands in it; what fails is logged, and shows no values."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog.testing
from starlette.types import Receive, Scope, Send

from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.observability.logging import _as_json

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


@dataclass(frozen=True)
class Secretive:
    value: str = field(repr=False)


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


TOGETHER = """
import asyncio, os, sys
from hedgerow_core.observability import LogFormat, configure_logging, log_of
configure_logging(LogFormat.JSON)
over, soon = log_of("requests", together=True), log_of("shop")
async def main():
    writes = []
    sys.stderr.write, written = writes.append, sys.stderr.write
    over.info("first"); over.info("second")
    assert writes == []
    await asyncio.sleep(0); await asyncio.sleep(0)
    assert [lines.count("\\n") for lines in writes] == [2], "both in one go, in the next turn"
    over.info("third"); soon.info("what_comes_next")
    assert [lines.count("\\n") for lines in writes] == [2, 2], "what must not wait takes along what waits"
    for lines in writes:
        written(lines)
    sys.stderr.write = written
asyncio.run(main())
over.info("no_loop_runs")
async def end():
    over.info("the_last_turn"); asyncio.get_running_loop().stop()
loop = asyncio.new_event_loop(); loop.create_task(end()); loop.run_forever()
"""


def test_lines_that_may_wait_are_written_together_in_order_and_none_is_lost() -> None:
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, timeout=30)

    assert done.returncode == 0, done.stderr
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events == ["first", "second", "third", "what_comes_next", "no_loop_runs", "the_last_turn"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Grüße \x9b2J", "Grüße \x9b2J"),
        ("half \ud800", "half \ud800"),
        (UUID(int=7), "UUID('00000000-0000-0000-0000-000000000007')"),
        (Secretive(SECRET), "Secretive()"),
        ({"nested": [1, None]}, {"nested": [1, None]}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
    ],
)
def test_a_value_is_shown_in_ascii_and_as_it_shows_itself(value: object, shown: object) -> None:
    line = _as_json(None, "info", {"event": "shown", "value": value})

    assert line.isascii()
    assert json.loads(line)["value"] == shown


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
