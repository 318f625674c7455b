"""The benchmark of measuring measures what it says: one that takes longer misses its limit."""

from __future__ import annotations

import asyncio

from benchmarks.telemetry import AT_MOST, measured_share


def test_measuring_that_is_slow_misses_its_limit() -> None:
    slow = asyncio.run(measured_share(200, 100e-6))

    assert not slow.kept
    assert slow.figure > 1.2 > AT_MOST
