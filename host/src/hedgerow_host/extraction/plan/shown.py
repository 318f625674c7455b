"""A plan as people read it: what stands in the way first, and what to do in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from hedgerow_host.extraction.plan.moves import Line, Moves
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.planning import Plan
from hedgerow_host.extraction.plan.to_set import At, ToSet

AT = {At.STAYS: "At the host that stays", At.NEW: "At the new host"}


def as_text(plan: Plan) -> str:
    """The plan for a terminal."""
    return "\n".join(_lines(plan))


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "context": plan.context,
        "movable": not plan.blockers,
        "blockers": [_row(one) for one in plan.blockers],
        "cautions": [_row(one) for one in plan.cautions],
        "questions": [
            {
                "asker": site.asker,
                "query": site.query,
                "function": site.function,
                "in_loop": site.loops,
                "file": site.place.shown,
                "line": site.place.line,
            }
            for site in plan.questions
        ],
        "measured": [asdict(each) for each in plan.measured.questions],
        "moves": asdict(plan.moves),
        "set": [{**asdict(each), "at": str(each.at)} for each in plan.to_set],
        "looked_at": dict(plan.looked_at),
    }


def _row(one: Obstacle) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "subject": one.subject,
        "what": one.what,
        "why": one.why,
        "fix": one.fix,
        "file": one.place.shown if one.place else None,
        "line": one.place.line if one.place else None,
        "object": one.object,
    }


def _lines(plan: Plan) -> Iterator[str]:
    count = len(plan.blockers)
    if count:
        yield f"{plan.context} can't move yet: {count} thing{' stands' if count == 1 else 's stand'} in the way."
    else:
        yield f"{plan.context} can move: nothing stands in the way."
    yield from _section("Blockers", plan.blockers)
    yield from _section("Cautions", plan.cautions)
    yield from _titled("What moves", _moving(plan.moves))
    yield from _titled("Questions that will cross the network", _asked(plan))
    for at, title in AT.items():
        yield from _titled(title, _settings([each for each in plan.to_set if each.at is at]))
    yield from _titled("What this rests on", (f"{what}: {how}" for what, how in plan.looked_at.items()))


def _section(title: str, obstacles: Sequence[Obstacle]) -> Iterator[str]:
    """By kind, with the reason once, and a fix once for all that it mends."""
    if obstacles:
        yield from ("", title)
    for kind in dict.fromkeys(one.kind for one in obstacles):
        alike = [one for one in obstacles if one.kind == kind]
        yield f"  {kind}: {alike[0].why}"
        for fix in dict.fromkeys(one.fix for one in alike):
            for one in alike:
                if one.fix == fix:
                    yield f"    {_where(one)}{one.subject} {one.what}"
            yield f"      fix: {fix}"


def _where(one: Obstacle) -> str:
    if one.place:
        return f"{one.place}  "
    return "" if one.object is None or one.subject in one.object else f"{one.object}  "


def _titled(title: str, lines: Iterator[str]) -> Iterator[str]:
    shown = list(lines)
    if shown:
        yield from ("", title, *(f"  {line}" for line in shown))


def _moving(moves: Moves) -> Iterator[str]:
    yield f"package       {moves.package} {moves.version}{', with its verbs' if moves.verbs else ''}"
    yield f"role          {moves.role}"
    if moves.tables:
        yield f"data          {_size(moves.bytes)} in {len(moves.tables)} tables"
        for table in moves.tables:
            rows = "rows not estimated yet" if table.rows is None else f"about {table.rows:,} rows"
            yield f"              {table.name}  {_size(table.bytes)}, {rows}"
    if moves.deliveries:
        states = ", ".join(f"{count:,} {state}" for state, count in moves.deliveries.items())
        yield f"in flight     {states}"
    yield from _listed("routes", moves.routes)
    yield from _listed("permissions", moves.permissions)
    yield from _listed("vouches for", moves.vouches_for)
    yield from _listed("publishes", _related(moves.publishes, "heard by"))
    yield from _listed("hears", _related(moves.hears, "from"))
    yield from _listed("answers", _related(moves.answers, "asked by"))
    yield from _listed("asks", _related(moves.asks, "answered by"))
    yield from _listed("tasks", moves.tasks)
    yield from _listed("schedules", moves.schedules)


def _listed(name: str, items: Sequence[str]) -> Iterator[str]:
    for at, item in enumerate(items):
        yield f"{'' if at else name:<14}{item}"


def _related(lines: Sequence[Line], how: str) -> list[str]:
    return [
        f"{line.name}{f', {how} ' + ', '.join(line.contexts) if line.contexts else ', by nobody here'}"
        f"{', required' if line.required else ''}"
        for line in lines
    ]


def _asked(plan: Plan) -> Iterator[str]:
    for site in plan.questions:
        loop = ", in a loop" if site.loops else ""
        yield f"{site.asker} asks {site.query} in {site.function}{loop}, {site.place}"
    for each in plan.measured.questions:
        rate = "" if each.per_second is None else f", {each.per_second:,.3g} a second"
        yield f"measured: {each.asker} asked {each.query} {each.asked:,} times{rate}, {each.mean_ms:,.3g} ms each"


def _settings(wanted: Sequence[ToSet]) -> Iterator[str]:
    shown = [
        f"{each.variable}={'<secret>' if each.secret else '…' if each.value is None else each.value}"
        for each in wanted
    ]
    width = max(map(len, shown), default=0)
    for each, assigned in zip(wanted, shown, strict=True):
        yield f"{assigned:<{width}}  {each.why}{', set here now' if each.set_now else ''}"


def _size(size: int) -> str:
    """`1.2 MiB`."""
    scaled, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if scaled < 1024 or unit == "TiB":
            break
        scaled /= 1024
    return f"{scaled:.0f} {unit}" if unit == "B" else f"{scaled:.1f} {unit}"
