"""What answers at the URL of a remote may be anything: it ends the start with a problem, not with a traceback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.tests.wire.other_host import OtherHost, other_host
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import compose
from hedgerow_host.contracts import as_json
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.problems import CompositionError
from hedgerow_host.settings import Environment, HostSettings, Remote
from hedgerow_host.wire.arrivals import Arrivals
from hedgerow_host.wire.remote_context import Standing
from host.tests.test_published_queries import ORCHARD, PRESS

Install = Callable[..., None]
OPTIONAL_PRESS = ("press",)


@pytest.fixture
async def there() -> AsyncIterator[OtherHost]:
    async with other_host() as host:
        yield host


@pytest.fixture
def contract(install: Install) -> dict[str, Any]:
    """What the host of orchard says."""
    install("orchard", ORCHARD)
    (orchard,) = compose(HostSettings(contexts=("orchard",)))[0].contexts
    told: dict[str, Any] = json.loads(as_json(orchard.contract))
    return told


@pytest.fixture
def press(install: Install, contract: Mapping[str, Any], there: OtherHost, tmp_path: Path) -> Assembly:
    """It asks orchard, which lives there."""
    install("press", PRESS)
    there.body = json.dumps(contract).encode()
    return composed(there, tmp_path)


def composed(there: OtherHost, data_dir: Path, **more: Any) -> Assembly:
    settings = HostSettings(
        environment=Environment.DEV,
        contexts=("press",),
        data_dir=data_dir,
        remotes={"orchard": Remote(url=there.url, optional=False)},
        **more,
    )
    assembly, _routes = compose(settings)
    return assembly


async def test_a_remote_that_keeps_its_contract_is_there(press: Assembly, there: OtherHost) -> None:
    async with press.running():
        await Arrivals(press).arrive()

    remote = press.remotes.contexts["orchard"]
    assert (remote.standing, remote.was_here, remote.relying) == (Standing.HERE, True, ["press"])
    assert [line for line, _headers, _body in there.received] == ["GET /_host/contexts/orchard HTTP/1.1"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b"[]",
        b"7",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"context": "orchard", "version": "1", "publishes": 7, "subscribes": []}',
        b'{"context": "orchard", "version": "1", "publishes": [], "subscribes": [], "answers": [7]}',
    ],
)
async def test_what_is_no_contract_is_said_to_be_none(press: Assembly, there: OtherHost, body: bytes) -> None:
    there.body = body

    async with press.running():
        with pytest.raises(CompositionError, match="what it answers is no contract") as refused:
            await Arrivals(press).arrive()

    (problem,) = refused.value.problems
    assert problem.subject == "HEDGEROW_REMOTES__ORCHARD__URL"
    assert there.url in problem.what


async def test_a_schema_that_makes_no_sense_is_no_contract_either(
    press: Assembly, there: OtherHost, contract: dict[str, Any]
) -> None:
    contract["answers"][0]["answer"] = {"properties": 7, "required": {"name": None}}
    there.body = json.dumps(contract).encode()

    async with press.running():
        with pytest.raises(CompositionError):
            await Arrivals(press).arrive()


async def test_a_bound_that_is_no_number_is_no_contract_either(
    install: Install, contract: dict[str, Any], there: OtherHost, tmp_path: Path
) -> None:
    numbered = PRESS.replace("name: str", "name: PositiveInt").replace("-> str", "-> int")
    install("press", "from pydantic import PositiveInt\n" + numbered)
    contract["answers"][0]["answer"]["properties"]["name"] = {"type": "integer", "minimum": "one"}
    there.body = json.dumps(contract).encode()
    assembly = composed(there, tmp_path)

    async with assembly.running():
        with pytest.raises(CompositionError, match="what it answers is no contract"):
            await Arrivals(assembly).arrive()


async def test_another_context_at_the_url_is_named(
    press: Assembly, there: OtherHost, contract: dict[str, Any]
) -> None:
    there.body = json.dumps(contract | {"context": "barn"}).encode()

    async with press.running():
        with pytest.raises(CompositionError, match="it says that it is barn"):
            await Arrivals(press).arrive()


async def test_of_two_that_do_not_fit_the_optional_one_goes_and_the_rest_starts(
    press: Assembly, there: OtherHost, contract: dict[str, Any], tmp_path: Path
) -> None:
    contract["answers"] = []
    there.body = json.dumps(contract).encode()
    async with press.running():
        with pytest.raises(CompositionError, match="which orchard does not answer"):
            await Arrivals(press).arrive()
    assembly = composed(there, tmp_path, optional_contexts=OPTIONAL_PRESS)

    async with assembly.running():
        await Arrivals(assembly).arrive()

    assert (assembly.names, list(assembly.quarantine.problems)) == ([], ["press"])
    assert assembly.remotes.contexts["orchard"].standing is Standing.HERE


async def test_status_and_url_of_who_can_not_answer_are_said(press: Assembly, there: OtherHost) -> None:
    there.status = 500

    async with press.running():
        with pytest.raises(HostError, match="it answers press with status 500") as away:
            await Arrivals(press, within_s=0.1).arrive()

    assert away.value.code is ExitCode.UNREACHABLE
