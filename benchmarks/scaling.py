"""`python -m benchmarks.scaling`: what an effect costs with 1, 2, 3 and 4 worker processes.

More processes than cores are no faster, but the processor time of an effect tells what they do to each other. If it
stays what it was, n processes on n times as many cores have n times as many effects. So that time is judged, the
workers' and PostgreSQL's together, and the rate is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from benchmarks.effects import clear, fill, until_all
from benchmarks.ground import Ground, prepared
from benchmarks.measure import Result, Series, table
from benchmarks.processor import postmaster_in, used_s

TIMES = 1.5
"""An effect with the most processes may take so many times the processor time of one with the fewest."""
PROCESSES = (1, 2, 3, 4)

Cost = tuple[float, float, float]
"""Effects a second; microseconds of the workers and of PostgreSQL an effect."""


async def _cost(ground: Ground, processes: int, events: int) -> Cost:
    from benchmarks.throughput import refuse_uncompleted  # it wants to know at import where Redis is

    await clear(ground)
    postmaster = postmaster_in(ground.folder)
    with ground.workers(processes) as workers:

        def used() -> tuple[float, float]:
            return sum(used_s(worker.pid) for worker in workers), used_s(postmaster)

        async with ground.admin() as connection:
            await fill(connection, events)
        before, began = used(), asyncio.get_running_loop().time()
        await until_all(ground, "press", events)
        after, ended = used(), asyncio.get_running_loop().time()
        await refuse_uncompleted(ground)
    ours, postgres = ((late - early) / events * 1e6 for early, late in zip(before, after, strict=True))
    return events / (ended - began), ours, postgres


async def measured(ground: Ground, processes: list[int], events: int, rounds: int) -> dict[int, list[Cost]]:
    """Every number of processes, in turns."""
    costs: dict[int, list[Cost]] = {number: [] for number in processes}
    for _ in range(rounds):
        for number in processes:
            costs[number].append(await _cost(ground, number, events))
    return costs


def lines_of(costs: dict[int, list[Cost]]) -> list[Result]:
    """Three lines for each number of processes, and the verdict."""
    lines = []
    for number, found in costs.items():
        names = ("effects", "workers, an effect", "PostgreSQL, an effect")
        for name, unit, values in zip(
            names, ("/s", "\N{MICRO SIGN}s", "\N{MICRO SIGN}s"), zip(*found, strict=True), strict=True
        ):
            series = Series(tuple(values))
            lines.append(
                Result(name=f"{number} processes: {name}", subject=series, unit=unit, figure=series.median)
            )
    few, many = (
        Series(tuple(ours + postgres for _, ours, postgres in costs[number])) for number in (min(costs), max(costs))
    )
    lines.append(
        Result(
            name=f"an effect with {max(costs)} processes beside {min(costs)}",
            subject=many,
            yardstick=few,
            unit="\N{MICRO SIGN}s",
            figure=many.median / few.median,
            at_most=TIMES,
        )
    )
    return lines


def main() -> int:
    """Measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=PROCESSES)
    parser.add_argument("--events", type=int, default=20_000, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with prepared() as ground:
        os.environ |= {"HEDGEROW_BROKER_URL": ground.environment["HEDGEROW_BROKER_URL"]}
        lines = lines_of(asyncio.run(measured(ground, list(chosen.processes), chosen.events, chosen.rounds)))
    print(table(lines))
    return 0 if all(line.kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
