"""What measuring a request costs: `python -m benchmarks.telemetry` exits 1 if it is over 2% of a constant route.

The route is asked in this process, without a socket, so that it is as cheap as can be and the share as large. One
side counts nothing; processor time is what is compared, in many short turns.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import MutableMapping
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from benchmarks.measure import Result, alternating, ratio_of, table
from hedgerow_core.http import ContextRouter, middleware, public
from hedgerow_core.http.measuring import measure
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.observability import LogFormat, configure_logging

AT_MOST = 1.02
WARM_UP, REQUESTS, ROUNDS = 500, 150, 301


def main() -> int:
    """Measure, print; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.telemetry", description=__doc__)
    options.add_argument("--requests", type=int, default=REQUESTS, help="in a round; fewer give a rough figure")
    options.add_argument("--slowed-by-us", type=float, default=0, help="to see that the verdict goes red")
    chosen = options.parse_args()
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):  # a line for every request
        configure_logging(LogFormat.JSON)
        result = asyncio.run(measured_share(chosen.requests, chosen.slowed_by_us / 1e6))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n\n{table([result])}")
    return 0 if result.kept else 1


async def measured_share(requests: int, slowed_s: float = 0) -> Result:
    """Ask with and without measuring, in turns. The side that measures can be slowed down, to miss its limit."""
    app = _constant()

    def slowly(scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        measure(scope, status, seconds)
        until = time.process_time() + slowed_s
        while time.process_time() < until:
            pass

    counting = partial(_processor_us, app, requests, slowly if slowed_s else measure)
    silent = partial(_processor_us, app, requests, lambda *_: None)
    await _processor_us(app, WARM_UP, measure)
    series = await alternating({"silent": silent, "counting": counting}, ROUNDS)
    return Result(
        name="i. a request on a constant route, measured",
        subject=series["counting"],
        yardstick=series["silent"],
        unit="µs",
        figure=ratio_of(series["counting"], series["silent"]),
        at_most=AT_MOST,
    )


def _constant() -> FastAPI:
    router = ContextRouter("sundial")

    @router.get("/constant")
    @public
    async def constant() -> str:
        return "noon"

    app = FastAPI()
    app.add_middleware(RequestBoundary)
    for route in router.routes:
        route.stages = ()  # type: ignore[attr-defined]
        app.router.routes.append(route)
    return app


async def _processor_us(app: FastAPI, requests: int, how: Any) -> float:
    """Microseconds of the processor for each request."""
    middleware.measure = how  # type: ignore[attr-defined]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/sundial/constant",
        "raw_path": b"/v1/sundial/constant",
        "query_string": b"",
        "headers": [(b"host", b"test")],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"the route answers {message['status']}")

    started = time.process_time()
    for _ in range(requests):
        await app(dict(scope), receive, send)
    return (time.process_time() - started) / requests * 1e6


if __name__ == "__main__":
    sys.exit(main())
