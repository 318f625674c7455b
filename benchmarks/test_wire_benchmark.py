"""The benchmark of the wire measures what it says: a wire that is slowed down misses its limit."""

from __future__ import annotations

import asyncio

from benchmarks.wire import P50_MS, added_latency, placements

SLOWER_S = 0.01


def test_a_slow_wire_misses_its_limit() -> None:
    with placements() as (together, apart):
        slow = asyncio.run(added_latency(together, apart, 20, SLOWER_S))

    assert not slow.kept
    assert slow.figure > SLOWER_S * 1000 > P50_MS > slow.yardstick.median  # type: ignore[union-attr]
