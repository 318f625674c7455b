"""`python -m benchmarks.http`: requests a second beside yardsticks that run in the same minute.

Exits 1 if a floor is missed. `--only me` measures one row; `--json` and `--plot` write what was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.http.rows import ROWS, Size, measure
from benchmarks.http.sides import prepared, yardsticks
from benchmarks.measure import Result, table
from benchmarks.plot import plotted


def main() -> int:
    """Measure, print; returns the exit code."""
    options = _arguments().parse_args()
    rows = {name: row for name, row in ROWS.items() if options.only in (None, name)}
    size = Size(
        rounds=options.rounds,
        seconds=options.seconds,
        warm_up_s=options.warm_up,
        connections=options.connections,
    )
    lines: list[Result] = []
    measured = {}
    wanted = sorted({side for row in rows.values() for side in row.floors})
    slowed = {"SUNDIAL_SLOWED_MS": str(options.slowed_by_ms)}
    with prepared(slowed) as ground, yardsticks(ground, *wanted):
        for name, row in rows.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            found, hits = asyncio.run(measure(row, ground, size))
            lines += found
            measured[name] = {side: [asdict(hit) for hit in each] for side, each in hits.items()}
        where = f"server on core {ground.server_core}, generator, PostgreSQL and Redis on {ground.rest}"
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}; {where}; {size}"
    if options.json:
        results = [asdict(each) | {"kept": each.kept} for each in lines]
        options.json.write_text(json.dumps({"machine": machine, "results": results, "rounds": measured}, indent=2))
    if options.plot:
        options.plot.write_text(plotted([each for each in lines if each.unit == "/s"]))
    print(f"{machine}\n\n{table(lines)}")
    return 0 if all(each.kept for each in lines) else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__)
    parser.add_argument("--only", choices=[*ROWS], help="one row instead of all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is measured, in turns")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each time")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds of load before, not counted")
    parser.add_argument("--connections", type=int, default=32, help="requests under way at the same time")
    parser.add_argument("--slowed-by-ms", type=float, default=0, help="slow `constant`, to see that it goes red")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--plot", type=Path, help="file for a picture of the ratios (SVG)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
