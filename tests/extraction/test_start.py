"""A host looks for its remotes when it starts: what is missing ends the start within 10 s, and says the fix."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from hedgerow_core.testing.servers import free_port
from tests.extraction.hosts import Host
from tests.extraction.orchard_and_press import ORCHARD, install_orchard_and_press
from tests.processes import Process

WITHIN_S = 15.0
"""Ten seconds, and what a busy machine needs to start a process."""
URL, OPTIONAL = "HEDGEROW_REMOTES__ORCHARD__URL", "HEDGEROW_REMOTES__ORCHARD__OPTIONAL"


@pytest.fixture
def orchard(orchard_and_press: tuple[Host, Host]) -> Host:
    return orchard_and_press[0]


@pytest.fixture
def press(orchard_and_press: tuple[Host, Host]) -> Host:
    return orchard_and_press[1]


@contextmanager
def timed() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < WITHIN_S


def end_of(process: Process) -> tuple[int, str]:
    """Exit code, and what was said last."""
    code = process.wait(WITHIN_S)
    return code, process.output[process.output.index("error: ") :]


def test_a_required_remote_that_is_away_ends_the_start(press: Host) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with timed(), press.with_settings(**{URL: url}).started() as process:
        code, told = end_of(process)

    assert code == 3
    assert f"{URL}: leads to {url}, and nobody answers there" in told
    assert "fix: start the host of orchard" in told


def test_a_host_is_not_ready_before_its_remotes_are_there(press: Host) -> None:
    with press.started() as process:
        process.wait_for("remote_missing")
        ready = httpx.get(f"{press.url}/readyz")

        assert (ready.status_code, ready.json()["checks"]["remotes"]) == (503, "waiting")
        process.wait(WITHIN_S)


def test_a_remote_that_does_not_host_the_context_ends_the_start(press: Host, orchard: Host) -> None:
    """Its URL leads to the very host that asks."""
    with timed(), press.with_settings(**{URL: press.url}).started() as process:
        code, told = end_of(process)

    assert code == 2
    assert "orchard is not hosted there" in told


def test_a_remote_that_does_not_know_us_ends_the_start(orchard: Host, press: Host) -> None:
    elsewhere = {"HEDGEROW_REMOTES__PRESS__URL": f"http://127.0.0.1:{free_port()}"}
    with orchard.with_settings(**elsewhere).api(), timed(), press.started() as process:
        code, told = end_of(process)

    assert code == 3
    assert f"{URL}: leads to {orchard.url}, and it answers press with status 503" in told


def test_a_remote_that_does_not_believe_us_ends_the_start(orchard: Host, press: Host) -> None:
    """Another host has the URL at which orchard looks for the keys of press."""
    false_keys = {"HEDGEROW_REMOTES__PRESS__URL": orchard.url}
    with orchard.with_settings(**false_keys).api(), timed(), press.started() as process:
        code, told = end_of(process)

    assert code == 2
    assert "does not believe that press asks" in told
    assert "HEDGEROW_REMOTES__PRESS__URL" in told
    assert "HEDGEROW_HOST_SECRET" in told


def test_another_contract_ends_the_start_and_names_the_field(orchard: Host, press: Host, tmp_path: Path) -> None:
    changed = ORCHARD.replace("    actor: str\n", "").replace('"actor": cause.actor or "", ', "")
    installed = install_orchard_and_press(tmp_path, orchard=changed)
    with orchard.with_settings(**installed).api(), timed(), press.started() as process:
        code, told = end_of(process)

    assert code == 2
    assert "press asks orchard.get_tree: can't read the answer of version 1" in told
    assert "actor" in told


def test_an_optional_remote_is_done_without_and_picked_up_when_it_comes(orchard: Host, press: Host) -> None:
    with press.with_settings(**{OPTIONAL: "true"}).api() as (process, client):
        process.wait_for("remote_missing")
        away = client.get("/v1/press/trees/7")
        assert (away.status_code, away.json()["code"]) == (503, "remote_away")
        assert "Retry-After" in away.headers
        assert client.get("/readyz").json()["checks"]["remotes"] == "away"

        with orchard.api():
            process.wait_for("remote_found")

            assert client.get("/v1/press/trees/7").json()["name"] == "Tree 7"
            assert client.get("/readyz").json()["checks"]["remotes"] == "ok"


def test_who_may_only_call_is_not_waited_for_unless_the_operator_says_so(orchard: Host) -> None:
    with orchard.api() as (_process, client):
        assert client.get("/readyz").json()["checks"]["remotes"] == "away"
    with orchard.with_settings(HEDGEROW_REMOTES__PRESS__OPTIONAL="false").started() as process:
        assert end_of(process)[0] == 3


def test_a_worker_waits_for_its_remotes_too(press: Host) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with timed(), pytest.raises(AssertionError, match="ended with 3"), press.with_settings(**{URL: url}).worker():
        pass
