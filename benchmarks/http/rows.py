"""The rows of the table: what is asked for, of whom, and what the ratio must be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.http.load import Hit, Shot, shoot
from benchmarks.http.sides import NEW_INVOICE, Ground, as_json
from benchmarks.measure import Result, Series, alternating, ratio_of

OURS = "hedgerow"
PAGE = "/v1/billing/invoices?status=draft&limit=100"

MEMORY_AT_MOST = {"core": 1.5, "orm": 1.5}
"""Of what bare FastAPI with SQLAlchemy holds that has served the same; without SQLAlchemy it is to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One of them."""

    name: str
    request: Callable[[Ground], str]
    status: int = 200
    connections: int | None = None
    """Requests under way at the same time, where the others' number would only fill queues."""
    floors: Mapping[str, float | None]
    """By yardstick: how many of its requests a second ours must make, at least. None: it is there to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    rounds: int
    seconds: float
    warm_up_s: float
    connections: int


def _get(path: str) -> Callable[[Ground], str]:
    def request(ground: Ground) -> str:
        return _head("GET", path, ground)

    return request


def _list(ground: Ground) -> str:
    behind = ground.get(f"{PAGE.replace('100', '50')}")["next"]
    return _head("GET", f"{PAGE}&cursor={behind}", ground)


def _post(ground: Ground) -> str:
    body = as_json(NEW_INVOICE)
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return _head("POST", "/v1/billing/invoices", ground, fields) + body


def _constant(ground: Ground) -> str:
    del ground
    return "GET /v1/sundial/hour HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _head(method: str, path: str, ground: Ground, fields: str = "") -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ground.token()}\r\n"
        f"User-Agent: benchmark\r\nAccept: application/json\r\n{fields}\r\n"
    )


ROWS: Mapping[str, Row] = {
    "me": Row(name="GET /v1/users/me", request=_get("/v1/users/me"), floors={"core": 1.0, "orm": 1.5, "raw": None}),
    "invoice": Row(
        name="POST /v1/billing/invoices",
        request=_post,
        status=201,
        floors={"core": 0.9, "orm": 1.4, "raw": None},
    ),
    "list": Row(
        name="list of 100 invoices", request=_list, connections=8, floors={"core": 1.0, "orm": None, "raw": None}
    ),
    "constant": Row(name="constant", request=_constant, floors={"constant": 0.85}),
}


async def measure(row: Row, ground: Ground, size: Size) -> tuple[list[Result], dict[str, list[Hit]]]:
    """The row's lines of the table, and everything that was measured, by side."""
    hits: dict[str, list[Hit]] = {name: [] for name in (OURS, *row.floors)}

    async def once(name: str) -> float:
        server = ground.servers[name]
        shot = Shot(
            port=server.port,
            request=row.request(ground),
            status=row.status,
            connections=row.connections or size.connections,
            warm_up_s=size.warm_up_s,
            seconds=size.seconds,
            pid=server.pid,
            cores=ground.rest,
        )
        hits[name].append(await asyncio.to_thread(shoot, shot))
        return hits[name][-1].per_second

    await alternating({name: lambda name=name: once(name) for name in hits}, size.rounds)
    return list(lines_of(row, hits)), hits


def lines_of(row: Row, hits: Mapping[str, list[Hit]]) -> list[Result]:
    """Lines for each yardstick: requests a second and memory, which are judged, and processor time, to be read."""
    lines = []
    for name, floor in row.floors.items():
        rate, cost, memory = (
            {side: Series(tuple(getattr(hit, figure) for hit in hits[side])) for side in (OURS, name)}
            for figure in ("per_second", "cpu_us", "memory_mb")
        )
        title = f"{row.name}, beside {name}"
        ratio = ratio_of(rate[OURS], rate[name])
        lines.append(
            Result(name=title, subject=rate[OURS], yardstick=rate[name], unit="/s", figure=ratio, at_least=floor)
        )
        lines.append(
            Result(
                name="  processor time of the server",
                subject=cost[OURS],
                yardstick=cost[name],
                unit="µs",
                figure=ratio_of(cost[name], cost[OURS]),
            )
        )
        lines.append(
            Result(
                name="  memory of the server afterwards",
                subject=memory[OURS],
                yardstick=memory[name],
                unit="MB",
                figure=ratio_of(memory[OURS], memory[name]),
                at_most=MEMORY_AT_MOST.get(name),
            )
        )
    return lines
