"""`python -m benchmarks.growth` can be red: without their index, statements go through the table."""

from __future__ import annotations

import asyncio

from benchmarks.ground import prepared
from benchmarks.growth import lines_of, measured_with


def test_a_missing_index_is_found_out() -> None:
    with prepared() as ground:
        sound = lines_of(asyncio.run(measured_with(ground, (1_000, 5_000))))
        broken = lines_of(asyncio.run(measured_with(ground, (5_000,), without_indexes=True)))

    assert all(line.kept for line in sound if "gone through" in line.name), sound
    assert not all(line.kept for line in broken if "gone through" in line.name), broken
