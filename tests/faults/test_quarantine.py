"""Experiments 46 and 47 with real hosts: what broken contexts do to who starts one, and to what was delivered."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import Hint
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.emission import Emission
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.servers import free_port
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import hosted_contexts
from hedgerow_host.operations.declared import emit_event
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.start import started
from hedgerow_host.working_in_process import working_in_process
from tests.conftest import url_of
from tests.faults.laboratory.broken_contexts import MORE, ROSE, SOUND, TWELVE, migrated_by, plant_weed
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.records import Records
from tests.garden import install_context
from tests.processes import clean_environment, run, running, wait_until_ready
from tests.shell import with_hedgerow

FINE, CHECK_FAILED, MISCONFIGURED, PARTLY_FAILED = 0, 1, 2, 4
NAMED_WITHIN_S = 10.0
WITHIN_S = 20.0


@pytest.fixture
def database(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(rose=(), weed=()) as address:
        yield address


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    """A folder for the path of a host, with `rose` in it."""
    install_context(tmp_path, "rose", ROSE)
    return tmp_path


def environment(database: DatabaseAddress | None, farm: Path, **settings: str) -> dict[str, str]:
    named = {f"HEDGEROW_{name}": value for name, value in settings.items()}
    where = {"HEDGEROW_DATABASE_URL": url_of(database)} if database else {}
    return {"HEDGEROW_ENV": "dev", "HEDGEROW_CONTEXTS": "rose,weed", "PYTHONPATH": str(farm)} | where | named


BY_NAME = {kind.name: kind for kind in (*TWELVE, *MORE)}


@pytest.mark.parametrize("kind", ["hang", "background crash", "lifespan raises"])
def test_an_api_whose_optional_context_is_broken_serves_the_others_and_says_who_is_missing(
    farm: Path, database: DatabaseAddress, kind: str
) -> None:
    BY_NAME[kind].plant(farm)
    settings = environment(database, farm, OPTIONAL_CONTEXTS="weed")
    port, began = free_port(), time.monotonic()
    url = f"http://127.0.0.1:{port}"

    with running("api", "--port", str(port), folder=farm, environment=settings) as api:
        api.wait_for("context_quarantined", NAMED_WITHIN_S)
        wait_until_ready(url, api)
        with httpx.Client(base_url=url) as client:
            seen = client.get("/readyz").json()
            assert BY_NAME[kind].told in seen["quarantined"]["weed"][0]
            assert seen["contexts"] == {"rose": "1.0"}
            assert client.get("/v1/rose/grow").json() == "rose"
            refused = client.get("/v1/weed/grow")
            assert (refused.status_code, refused.json()["code"]) == (503, "context_quarantined")
            assert not [path for path in client.get("/openapi.json").json()["paths"] if "weed" in path]
        assert time.monotonic() - began < 2 * NAMED_WITHIN_S
        assert api.end() == FINE
    assert "Traceback" not in api.output


def test_a_host_whose_required_context_hangs_ends_within_ten_seconds_with_its_name(
    farm: Path, verdict: Records
) -> None:
    BY_NAME["hang"].plant(farm)
    began = time.monotonic()

    ended = run("routes", folder=farm, environment=environment(None, farm))

    took = time.monotonic() - began
    verdict("46 broken contexts", Measured(took < NAMED_WITHIN_S, f"hang, a command: {took:.0f} s"), seed=0)
    assert (ended.returncode, ended.stdout) == (MISCONFIGURED, "")
    assert "weed: its import has not come back" in ended.stderr
    assert "__init__.py:2" in ended.stderr


def test_diagnose_names_what_is_broken_and_goes_on_where_a_start_ends(farm: Path) -> None:
    plant_weed(farm, "import os\nos._exit(7)")
    install_context(farm, "nettle", "import no_such_library\n")
    settings = environment(None, farm, CONTEXTS="rose,weed,nettle", OPTIONAL_CONTEXTS="nettle")

    said = run("contexts", "diagnose", folder=farm, environment=settings)
    alone = run("contexts", "diagnose", "nettle", "--json", folder=farm, environment=settings)

    assert said.returncode == CHECK_FAILED
    assert "weed 1.0  broken, and required" in said.stdout
    assert "its import ends the process, with exit code 7" in said.stdout
    assert "rose 1.0  enabled" in said.stdout
    assert "users 0.1.0  disabled" in said.stdout
    assert alone.returncode == FINE, "no host needs it"
    (nettle,) = json.loads(alone.stdout)
    assert (nettle["state"], nettle["required"]) == ("quarantined", False)
    assert "no_such_library" in nettle["problems"][0]["what"]
    assert nettle["problems"][0]["fix"]
    assert f"{farm}/nettle/__init__.py:1" in nettle["problems"][0]["sources"]


@pytest.mark.parametrize("end", ["import os\nos._exit(7)", "import ctypes\nctypes.string_at(0)"])
def test_a_command_that_a_context_has_ended_still_says_who_it_was(farm: Path, end: str) -> None:
    plant_weed(farm, end)

    ended = all_that_was_said("routes", farm)

    assert ended.returncode not in (FINE, CHECK_FAILED)
    assert "error: weed: its import has ended the process" in ended.stderr
    assert "fix: look for os._exit" in ended.stderr


def test_a_hook_that_ends_the_process_is_named_too(farm: Path) -> None:
    plant_weed(farm, SOUND + "\n\n@hookimpl\ndef routes():\n    import os\n    os._exit(7)\n")

    ended = all_that_was_said("routes", farm)

    assert "error: weed: its hook `routes` has ended the process" in ended.stderr


def all_that_was_said(verb: str, farm: Path) -> subprocess.CompletedProcess[str]:
    """A command to the end of its output: the witness may write when the command itself has ended."""
    return subprocess.run(
        ["hedgerow", verb],
        cwd=farm,
        env=with_hedgerow(clean_environment() | environment(None, farm)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nobody_is_named_where_nothing_has_ended(farm: Path) -> None:
    plant_weed(farm, SOUND)
    install_context(farm, "nettle", "import no_such_library\n")

    sound = run("routes", folder=farm, environment=environment(None, farm))
    refused = run("routes", folder=farm, environment=environment(None, farm, CONTEXTS="rose,weed,nettle"))

    assert (sound.returncode, refused.returncode) == (FINE, MISCONFIGURED)
    assert "has ended the process" not in sound.stderr + refused.stderr


def test_an_optional_context_that_ends_processes_ends_no_host(farm: Path, database: DatabaseAddress) -> None:
    plant_weed(farm, "import os\nos._exit(7)")
    port = free_port()

    with running(
        "api", "--port", str(port), folder=farm, environment=environment(database, farm, OPTIONAL_CONTEXTS="weed")
    ) as api:
        wait_until_ready(f"http://127.0.0.1:{port}", api)
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/weed/anything")

    assert (answer.status_code, answer.json()["code"]) == (503, "context_quarantined")
    assert "its import ends the process, with exit code 7" in api.output


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ("import atexit, time\natexit.register(lambda: time.sleep(3600))\n", "__init__.py:2"),
        (
            "from threading import Thread\nimport time\n"
            "Thread(target=time.sleep, args=(3600,), name='weeds', daemon=False).start()\n",
            "weeds",
        ),
    ],
    ids=["atexit", "thread"],
)
def test_a_command_that_is_done_ends_though_a_context_has_left_something_running(
    farm: Path, left: str, told: str
) -> None:
    plant_weed(farm, left + SOUND)
    began = time.monotonic()

    ended = run("routes", "--json", folder=farm, environment=environment(None, farm))

    assert (ended.returncode, time.monotonic() - began < 3 * WITHIN_S) == (FINE, True)
    assert "/v1/weed/grow" in ended.stdout
    assert "kept from ending by" in ended.stderr
    assert told in ended.stderr


def test_diagnose_says_of_no_context_that_the_host_goes_on_without_it_if_none_would(farm: Path) -> None:
    plant_weed(farm, SOUND.replace("@public", ""))

    said = run("contexts", "diagnose", folder=farm, environment=environment(None, farm))

    assert "weed 1.0  broken, and required" in said.stdout
    assert "context_quarantined" not in said.stdout + said.stderr


STAYS = """

@asynccontextmanager
async def staying():
    yield
    await asyncio.sleep(3600)


@hookimpl
def lifespan(): return staying()
"""


def test_a_context_that_will_not_be_left_keeps_no_host_from_ending(farm: Path, database: DatabaseAddress) -> None:
    plant_weed(farm, SOUND + STAYS)

    with running("api", "--port", "0", folder=farm, environment=environment(database, farm)) as api:
        api.wait_for("api_ready")
        began = time.monotonic()
        api.send(signal.SIGTERM)
        ended_with = api.wait()

    assert ended_with == FINE
    assert time.monotonic() - began < WITHIN_S
    assert "lifespan_hangs" in api.output
    assert "context=weed" in api.output


@pytest.mark.parametrize("end", ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)"])
def test_a_developer_is_not_left_with_a_server_that_ends_again_and_again(
    farm: Path, database: DatabaseAddress, end: str
) -> None:
    plant_weed(farm, end)

    ended = run("dev", "--port", str(free_port()), folder=farm, environment=environment(database, farm))

    assert ended.returncode == CHECK_FAILED
    assert "weed: its import has ended the process" in ended.stderr


def test_metadata_that_nobody_can_read_are_named(farm: Path) -> None:
    install_context(farm, "weed", SOUND)
    (farm / "weed-1.0.dist-info" / "entry_points.txt").write_bytes(b"[some.group]\nsch\xf6n = weed\n")

    ended = run("routes", folder=farm, environment=environment(None, farm))

    assert ended.returncode == MISCONFIGURED
    assert "weed: its entry_points.txt cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_context_whose_description_is_no_utf_8_is_hosted_all_the_same(farm: Path) -> None:
    install_context(farm, "weed", SOUND)
    (farm / "weed-1.0.dist-info" / "METADATA").write_bytes(b"Metadata-Version: 2.1\nSummary: sch\xf6n\n")

    listed = run("contexts", "list", "--json", folder=farm, environment=environment(None, farm))

    weed = next(row for row in json.loads(listed.stdout) if row["name"] == "weed")
    assert (weed["state"], weed["version"]) == ("enabled", "?")


def test_what_a_context_prints_while_it_is_imported_spoils_no_json(farm: Path) -> None:
    plant_weed(farm, "print('I am growing')\n" + SOUND)

    listed = run("contexts", "list", "--json", folder=farm, environment=environment(None, farm))
    shown = run("contexts", "inspect", "weed", "--json", folder=farm, environment=environment(None, farm))

    assert {row["name"]: row["state"] for row in json.loads(listed.stdout)}["weed"] == "enabled"
    assert "I am growing" in listed.stderr
    whole = json.loads(shown.stdout)
    assert whole["routes"] == ["GET /v1/weed/grow"]
    assert (whole["publishes"], whole["permissions"]) == (["weed.grown v1"], ["weed:root:pull"])
    assert "authenticators" in whole["hooks"]


def test_an_optional_context_that_is_not_hosted_is_named_with_those_that_are(farm: Path) -> None:
    ended = run(
        "routes", folder=farm, environment=environment(None, farm, CONTEXTS="rose", OPTIONAL_CONTEXTS="rosa")
    )

    assert ended.returncode == MISCONFIGURED
    assert "rosa: is listed in HEDGEROW_OPTIONAL_CONTEXTS but not hosted here" in ended.stderr
    assert "hosted are: rose" in ended.stderr


VERBS = (["routes"], ["contexts", "list"], ["contexts", "diagnose"], ["contexts", "inspect", "weed"], ["check"])


def test_a_context_that_is_not_listed_is_not_imported_by_any_verb(farm: Path, verdict: Records) -> None:
    marker = farm / "marker"
    plant_weed(farm, f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n" + SOUND)

    for verb in VERBS:
        ended = run(*verb, folder=farm, environment=environment(None, farm, CONTEXTS="rose"))
        assert ended.returncode in (FINE, CHECK_FAILED), ended.stderr  # `check` misses a contract.json
    verdict("47 unlisted contexts", Measured(not marker.exists(), f"{len(VERBS)} verbs, no marker"), seed=0)

    run("routes", folder=farm, environment=environment(None, farm))
    found = Measured(not marker.exists(), "the marker is there")
    verdict("47 unlisted contexts", found, seed=0, mutant="it is listed")


# Migrations need a database to be seen


def started_with(database: DatabaseAddress, folder: Path, *, migrate: bool) -> Assembly:
    settings = HostSettings(contexts=("rose", "weed"), optional_contexts=("weed",), data_dir=folder)
    return started(settings, database, migrate=migrate)


def test_an_optional_context_that_is_not_migrated_or_cannot_be_is_left_out(
    migrated_databases: MigratedDatabases, farm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(farm))
    migrated_by(("weed_1", None), upgrade="raise RuntimeError('stones')")(farm)

    with migrated_databases.copy(rose=()) as database:
        pending = started_with(database, farm, migrate=False)
        failing = started_with(database, farm, migrate=True)

    assert (pending.names, failing.names) == (["rose"], ["rose"])
    assert "its migrations are pending: ledger_0001" in pending.quarantine.absence("weed")
    assert "its migrations failed: RuntimeError: stones" in failing.quarantine.absence("weed")


FAILS = "from alembic import op; op.execute('SELECT 1 / 0')"


@pytest.fixture
def yarrow(farm: Path) -> Path:
    """Behind `weed`, which can't be migrated, stands another."""
    install_context(farm, "yarrow", ROSE.replace('"rose"', '"yarrow"'))
    migrated_by(("weed_1", None), upgrade=FAILS)(farm)
    return farm


def test_an_optional_context_whose_migration_fails_keeps_no_other_from_its_own(
    fresh_database: DatabaseAddress, yarrow: Path
) -> None:
    settings = environment(fresh_database, yarrow, CONTEXTS="rose,weed,yarrow", OPTIONAL_CONTEXTS="weed")

    ended = run("migrate", "--json", folder=yarrow, environment=settings)
    status = run("migrations", "status", "--json", folder=yarrow, environment=settings)

    assert ended.returncode == PARTLY_FAILED
    assert {row["context"] for row in json.loads(ended.stdout)} == {"rose", "yarrow"}
    assert "weed could not be migrated" in ended.stderr
    assert "division by zero" in ended.stderr
    behind = {row["context"] for row in json.loads(status.stdout) if row["pending"]}
    assert behind == {"weed"}


def test_a_required_context_whose_migration_fails_ends_it_there(
    fresh_database: DatabaseAddress, yarrow: Path
) -> None:
    settings = environment(fresh_database, yarrow, CONTEXTS="rose,weed,yarrow")

    ended = run("migrate", "--json", folder=yarrow, environment=settings)
    settings["HEDGEROW_OPTIONAL_CONTEXTS"] = "weed"
    alone = run("migrate", "--context", "weed", folder=yarrow, environment=settings)

    assert (ended.returncode, alone.returncode) == (CHECK_FAILED, CHECK_FAILED), "who asks for one wants that one"
    behind = json.loads(run("migrations", "status", "--json", folder=yarrow, environment=settings).stdout)
    assert {row["context"] for row in behind if row["pending"]} == {"weed", "yarrow"}
    assert "weed_1 of weed failed" in ended.stderr


def test_an_optional_context_that_cannot_be_loaded_is_named_by_migrate(
    fresh_database: DatabaseAddress, farm: Path
) -> None:
    plant_weed(farm, "raise RuntimeError('no soil')")

    ended = run("migrate", folder=farm, environment=environment(fresh_database, farm, OPTIONAL_CONTEXTS="weed"))

    assert (ended.returncode, "ledger_0001" in ended.stdout) == (FINE, True)
    assert "note: weed is not looked at: weed is in quarantine" in ended.stderr


# What was delivered to a context stays where it is


LISTENER = """
from pydantic import BaseModel
from hedgerow_core.messaging import Subscription
HEARD, DEAF = [], False
class Seen(BaseModel): ...
async def hear(event, envelope, work):
    if DEAF:
        raise RuntimeError("not now")
    HEARD.append(envelope.event_id)
@hookimpl
def subscriptions():
    return Subscriptions(subscribes=(Subscription(name="weed.hear", event="rose.grown", model=Seen, handle=hear),))
"""


@asynccontextmanager
async def working(database: DatabaseAddress, folder: Path) -> AsyncIterator[Assembly]:
    """A host with `rose`, and `weed` if it can be had, and a worker."""
    loaded, quarantine = hosted_contexts(HostSettings(contexts=("rose", "weed"), optional_contexts=("weed",)))
    assembly = assemble(
        loaded, environment=Environment.TEST, data_dir=folder, address=database, quarantine=quarantine
    )
    async with assembly.running(), working_in_process(assembly):
        yield assembly


async def rose_grows(assembly: Assembly) -> UUID:
    rose = next(context for context in assembly.contexts if context.name == "rose")
    grown = Emission(
        contract=rose.subscriptions.publishes[0],
        payload={},
        aggregate_id=new_id(),
        aggregate_type="rose",
        aggregate_version=1,
    )
    return await emit_event(rose, grown, Decision(by="a test", why="it grows"), SystemClock())


async def deliveries(database: DatabaseAddress) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url_of(database))
    try:
        found = await connection.fetch("SELECT event_id, state, attempts FROM weed.deliveries ORDER BY position")
        return [tuple(row) for row in found]
    finally:
        await connection.close()


async def until(seen: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not await seen():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_what_was_delivered_to_a_context_in_quarantine_stays_and_what_it_missed_comes(
    farm: Path, database: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(farm))
    source = plant_weed(farm, SOUND + LISTENER)
    package = source.parent.name
    async with working(database, farm) as assembly:
        weed: Any = sys.modules[package]
        weed.DEAF = True
        waiting = await rose_grows(assembly)

        async def failed_once() -> bool:
            return [row[:2] for row in await deliveries(database)] == [(waiting, "retry_wait")]

        await until(failed_once)
    before = await deliveries(database)

    sound, missed = source.read_text(), None
    source.write_text("raise RuntimeError('no soil')")
    del sys.modules[package]
    async with working(database, farm) as assembly:
        assert assembly.names == ["rose"]
        missed = await rose_grows(assembly)
        await assembly.drain(Hint("weed", "weed.hear", 0))
    assert await deliveries(database) == before

    source.write_text(sound + "\n")
    async with working(database, farm):
        mended: Any = sys.modules[package]

        async def heard() -> bool:
            return set(mended.HEARD) == {waiting, missed}

        await until(heard)
    sys.modules.pop(package)
