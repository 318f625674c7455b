"""`python -m benchmarks.scaling` is red where processes are in each other's way."""

from __future__ import annotations

from benchmarks.scaling import lines_of


def test_an_effect_that_costs_more_the_more_processes_there_are_misses_the_limit() -> None:
    flat = lines_of({1: [(3_000.0, 80.0, 100.0)], 4: [(11_000.0, 95.0, 110.0)]})
    steep = lines_of({1: [(3_000.0, 80.0, 100.0)], 4: [(4_000.0, 300.0, 200.0)]})  # as it was with hints from all

    assert all(line.kept for line in flat)
    assert not steep[-1].kept
