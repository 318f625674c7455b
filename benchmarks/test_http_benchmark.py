"""`python -m benchmarks.http` can be red: a slow host misses its floor, and a wrong answer gives no figure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks.growth import tables_gone_through
from benchmarks.http.load import Hit, WrongAnswer, processor_ns
from benchmarks.http.rows import ROWS, Size, lines_of, measure
from benchmarks.http.sides import Ground, prepared, yardsticks
from benchmarks.plot import plotted

SMALL = Size(rounds=1, seconds=0.5, warm_up_s=0.2, connections=4)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with prepared({"SUNDIAL_SLOWED_MS": "5"}) as ground, yardsticks(ground, "constant", "core"):
        yield ground


async def test_a_slow_host_misses_its_floor(ground: Ground) -> None:
    (rate, cost, memory), hits = await measure(ROWS["constant"], ground, SMALL)

    assert not rate.kept, rate
    assert rate.subject.median < 200, "5 ms each, one after the other"
    assert cost.at_least is None
    assert memory.at_most is None, "its yardstick has no SQLAlchemy"
    assert all(hit.cpu_us > 0 and hit.memory_mb > 1 for side in hits.values() for hit in side)


async def test_a_wrong_answer_gives_no_figure(ground: Ground) -> None:
    with pytest.raises(WrongAnswer, match="200"):
        await measure(replace(ROWS["constant"], status=201), ground, SMALL)


@pytest.mark.parametrize("name", ["me", "invoice", "list"])
async def test_both_sides_answer_alike(name: str, ground: Ground) -> None:
    row = replace(ROWS[name], floors={"core": 0.0})
    lines, _hits = await measure(row, ground, SMALL)

    assert all(line.subject.median > 0 and line.yardstick is not None for line in lines)


def hits(*rates: float, memory_mb: float = 1) -> list[Hit]:
    return [Hit(per_second=rate, cpu_us=1, p50_ms=1, p99_ms=1, memory_mb=memory_mb) for rate in rates]


def test_floors_are_held_by_the_rounds_own_ratios() -> None:
    kept, *_ = lines_of(ROWS["constant"], {"hedgerow": hits(100, 10, 100), "constant": hits(100, 11, 100)})
    missed, *_ = lines_of(ROWS["constant"], {"hedgerow": hits(84, 84, 84), "constant": hits(100, 100, 100)})

    assert (kept.kept, missed.kept) == (True, False)
    drawn = ElementTree.fromstring(plotted([kept, missed]))
    assert len([bar for bar in drawn.iter() if bar.tag.endswith("rect")]) == 3


@pytest.mark.parametrize(("held_mb", "is_kept"), [(149, True), (151, False)])
def test_a_server_that_holds_too_much_misses_its_limit(held_mb: float, is_kept: bool) -> None:
    row = replace(ROWS["me"], floors={"core": 1.0})
    sides = {"hedgerow": hits(1, memory_mb=held_mb), "core": hits(1, memory_mb=100)}

    _rate, _cost, memory = lines_of(row, sides)

    assert memory.kept is is_kept


def test_processor_time_grows_with_work() -> None:
    before = processor_ns(os.getpid())
    sum(range(3_000_000))
    assert processor_ns(os.getpid()) - before > 1_000_000


@pytest.mark.parametrize(
    ("plan", "tables"),
    [
        ("->  Seq Scan on deliveries d  (cost=0 rows=9) (actual time=0.1..0.2 rows=20000.00 loops=1)", 1),
        (
            "->  Seq Scan on outbox_0 o  (cost=0 rows=9) (actual time=0.1..0.2 rows=1.00 loops=1)\n"
            "      Filter: (id > 7)\n      Rows Removed by Filter: 20000\n->  Result",
            1,
        ),
        ("->  Seq Scan on outbox_0 o  (cost=0 rows=9) (actual time=0.1..0.2 rows=0.00 loops=1)", 0),
        ("->  Index Scan using x on deliveries d  (cost=0) (actual time=0.1..0.2 rows=20000.00 loops=1)", 0),
    ],
)
def test_a_table_that_is_gone_through_is_counted_and_an_empty_range_is_not(plan: str, tables: int) -> None:
    assert tables_gone_through(plan) == tables
