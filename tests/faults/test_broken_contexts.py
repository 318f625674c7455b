"""Experiment 46: a context that is broken is named, and leaves nothing behind; the others serve.

Each kind is tried as required, where it must end the start, and as optional, where `rose` beside it must serve.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from hedgerow_host import lifespans, patience
from hedgerow_host.api import create_app
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import compose
from hedgerow_host.mounting import MountedRoute
from hedgerow_host.problems import CompositionError
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.watch import Watch
from tests.faults.laboratory.broken_contexts import DIES, MORE, ROSE, SOUND, TWELVE, Kind, lifespan, plant_weed
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.records import Records
from tests.garden import install_context

NAMED_WITHIN_S = 10.0
SHORT_PATIENCE_S = 1.0
"""For hangs that are not the one of the experiment."""
OPTIONAL = HostSettings(contexts=("rose", "weed"), optional_contexts=("weed",))
REQUIRED = HostSettings(contexts=("rose", "weed"))


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, with `rose` in it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("WEED_ROWS", "[1")
    install_context(tmp_path, "rose", ROSE)
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith(("rose", "weed"))]:
        del sys.modules[module]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", SHORT_PATIENCE_S)
    monkeypatch.setattr(lifespans, "ENTERED_WITHIN_S", SHORT_PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Host:
    """A host in the process of the test."""

    assembly: Assembly
    routes: list[MountedRoute]
    app: FastAPI

    async def until(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + NAMED_WITHIN_S
        while not seen():
            assert time.monotonic() < deadline, "nobody has named it in time"
            await asyncio.sleep(0.02)

    async def get(self, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            return await client.get(path)

    async def traces_of(self, name: str) -> list[str]:
        """All that is left of a context in what the contexts share."""
        permissions, keys = self.assembly.permissions, self.assembly.gate._authenticate._keys
        served = [route for mounted in self.routes for route in self.app.router.routes if route is mounted.route]
        found = {
            "a route": any(route.path.startswith(f"/v1/{name}") for route in served if isinstance(route, Route)),
            "an answer": (await self.get(f"/v1/{name}/grow")).is_success,
            "its permission": f"{name}:root:pull" in permissions,
            "its scopes": not permissions.unknown([f"{name}:read"]),
            "its keys": any(authority.prefix == f"{name}_" for authority in keys),
            "a dispatcher": name in self.assembly.names,
        }
        return [what for what, is_there in found.items() if is_there]


@asynccontextmanager
async def hosting(settings: HostSettings) -> AsyncIterator[Host]:
    assembly, routes = compose(settings)
    app = create_app(assembly, routes, Readiness(assembly, Watch(assembly)))
    async with assembly.running():
        yield Host(assembly, routes, app)


def problems_of(assembly: Assembly) -> str:
    return "\n".join(str(problem) for found in assembly.quarantine.problems.values() for problem in found)


async def out_of(kind: Kind) -> tuple[Host, float]:
    """A host that has quarantined weed, and how long it took."""
    began = time.monotonic()
    async with hosting(OPTIONAL) as host:
        await host.until(lambda: "weed" in host.assembly.quarantine)
        took = time.monotonic() - began
        told = problems_of(host.assembly)
        assert kind.told in told
        assert "weed" in told
        assert "fix: " in told
        assert await host.traces_of("weed") == []
        assert (await host.get("/v1/rose/grow")).json() == "rose"
        return host, took


@pytest.mark.parametrize("kind", TWELVE, ids=str)
async def test_a_broken_context_that_is_optional_is_named_and_left_out_and_others_serve(
    farm: Path, impatient: None, kind: Kind, verdict: Records
) -> None:
    kind.plant(farm)

    _host, took = await out_of(kind)

    verdict("46 broken contexts", Measured(took < NAMED_WITHIN_S, f"{kind}, optional: named, and out"), seed=0)


@pytest.mark.parametrize("kind", [kind for kind in TWELVE if not kind.late], ids=str)
def test_a_broken_context_that_is_required_ends_the_start_and_is_named(
    farm: Path, impatient: None, kind: Kind, verdict: Records
) -> None:
    kind.plant(farm)
    began = time.monotonic()

    with pytest.raises(CompositionError) as ended:
        compose(REQUIRED)

    took = time.monotonic() - began
    assert kind.told in str(ended.value)
    assert "weed" in str(ended.value)
    assert all(problem.fix for problem in ended.value.problems)
    verdict("46 broken contexts", Measured(took < NAMED_WITHIN_S, f"{kind}, required: named, no start"), seed=0)


@pytest.mark.parametrize("kind", [kind for kind in TWELVE if kind.late], ids=str)
async def test_what_dies_in_the_background_of_a_required_context_is_named_and_the_host_goes_on(
    farm: Path, kind: Kind, verdict: Records
) -> None:
    kind.plant(farm)
    began = time.monotonic()

    async with hosting(REQUIRED) as host:
        await host.until(lambda: "weed" in host.assembly.broken)
        took = time.monotonic() - began
        assert kind.told in str(host.assembly.broken["weed"][0])
        assert (await host.get("/v1/rose/grow")).json() == "rose"
        assert (await host.get("/v1/weed/grow")).json() == "weed", "there is nothing to fall back to"

    verdict("46 broken contexts", Measured(took < NAMED_WITHIN_S, f"{kind}, required: named, goes on"), seed=0)


@pytest.mark.parametrize("kind", MORE, ids=str)
async def test_other_ways_to_be_broken_are_named_as_well(farm: Path, impatient: None, kind: Kind) -> None:
    kind.plant(farm)

    await out_of(kind)


@pytest.mark.parametrize("kind", [kind for kind in MORE if kind.name.startswith("lifespan")], ids=str)
async def test_a_lifespan_that_fails_in_a_required_context_ends_the_start(
    farm: Path, impatient: None, kind: Kind
) -> None:
    kind.plant(farm)

    with pytest.raises(Exception, match=kind.told.removeprefix("RuntimeError: ")):
        async with hosting(REQUIRED):
            pass


async def test_a_context_that_leaves_nothing_behind_is_told_from_one_that_does(
    farm: Path, monkeypatch: pytest.MonkeyPatch, verdict: Records
) -> None:
    plant_weed(farm, SOUND + lifespan("raise RuntimeError('late frost')"))
    monkeypatch.setattr(Quarantine, "spared", lambda _quarantine, contexts: list(contexts))

    async with hosting(OPTIONAL) as host:
        found = await host.traces_of("weed")

    line = f"a quarantine that nobody leaves for: {', '.join(found)}"
    verdict("46 broken contexts", Measured(not found, line), seed=0, mutant="told, and left in")


async def test_a_sound_context_leaves_its_traces(farm: Path) -> None:
    plant_weed(farm, SOUND)

    async with hosting(OPTIONAL) as host:
        traces = await host.traces_of("weed")

    assert traces == ["a route", "an answer", "its permission", "its scopes", "its keys", "a dispatcher"]


async def test_a_context_out_of_service_says_when_to_come_back(farm: Path) -> None:
    plant_weed(farm, "raise RuntimeError('no soil')")

    async with hosting(OPTIONAL) as host:
        answers = [await host.get(path) for path in ("/v1/weed", "/v1/weed/", "/v1/weed/grow/deep?x=1")]

    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "context_quarantined"
        assert "no soil" not in answer.text, "why is for operators"


async def test_a_task_that_its_context_looks_after_is_none_of_our_business(
    farm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifespans, "CARED_FOR_WITHIN_S", 0.05)
    cared_for = lifespan(
        DIES,
        "await asyncio.gather(asyncio.create_task(die()), return_exceptions=True)",
        "task = asyncio.create_task(die())",
        "watch = asyncio.create_task(asyncio.wait({task}))",
        "task.add_done_callback(lambda done: done.exception())",
    )
    plant_weed(farm, SOUND + cared_for)

    async with hosting(OPTIONAL) as host:
        await asyncio.sleep(0.2)
        assert host.assembly.names == ["rose", "weed"]


async def test_a_lifespan_that_blocks_everybody_is_named_by_somebody_else(
    farm: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifespans, "ENTERED_WITHIN_S", 0.2)
    monkeypatch.setattr(lifespans, "CARED_FOR_WITHIN_S", 0.1)
    source = plant_weed(farm, SOUND + lifespan("time.sleep(1)"))

    async with hosting(OPTIONAL):
        pass

    told = capsys.readouterr().out
    line = source.read_text().splitlines().index("    time.sleep(1)") + 1
    assert "lifespan_blocks" in told
    assert f"{source}:{line}" in told


async def test_an_import_that_loops_is_asked_to_end(farm: Path, impatient: None) -> None:
    plant_weed(farm, "while True: pass")
    before = set(threading.enumerate())
    compose(OPTIONAL)

    deadline = time.monotonic() + NAMED_WITHIN_S
    while any(thread.name.startswith("start of weed") for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_an_import_that_takes_long_and_gets_on_is_waited_for(farm: Path, impatient: None) -> None:
    (farm / "slow").mkdir()
    for number in range(4):
        (farm / "slow" / f"part{number}.py").write_text(f"import time\ntime.sleep({SHORT_PATIENCE_S * 0.6})")
    plant_weed(farm, "import slow.part0, slow.part1, slow.part2, slow.part3\n" + SOUND)

    assert compose(OPTIONAL)[0].names == ["rose", "weed"]
