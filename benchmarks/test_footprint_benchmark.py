"""`python -m benchmarks.footprint` can be red: who starts slowly and holds much misses the limits."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import footprint
from benchmarks.measure import Result

SERVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
port, work_s, held_mb = map(int, sys.argv[1:])
held = b"x" * (held_mb * 2**20)
time.sleep(work_s)
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
"""Answers 200 to everything, after a while, and holds some memory."""
GROUND: Any = SimpleNamespace(url="", environment={})
"""Of servers that need none."""


def measured(monkeypatch: pytest.MonkeyPatch, *, ours: tuple[int, int], bare: tuple[int, int]) -> list[Result]:
    """The lines of a host and a yardstick that take so many seconds and hold so many megabytes."""
    for name, size in (("OURS", ours), ("BARE", bare)):
        monkeypatch.setattr(footprint, name, [sys.executable, "-c", SERVER, "{port}", *map(str, size)])
    return footprint.starts(GROUND, rounds=1, ballast_mb=0)


def test_who_starts_slowly_and_holds_much_misses_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = measured(monkeypatch, ours=(3, 60), bare=(0, 10))

    assert [line.kept for line in slow] == [False, False, False], slow


def test_who_is_like_the_yardstick_holds_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    *_times, memory = measured(monkeypatch, ours=(0, 10), bare=(0, 10))

    assert memory.kept, memory


def test_who_ends_at_once_gives_no_figure() -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        footprint.Started(GROUND, [sys.executable, "-c", "raise SystemExit(2)"], "/readyz", {})
