"""A host whose neighbour dies, comes back, or gets another secret: its own work goes on, and nobody has to help."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import httpx
import pytest

from tests.extraction.hosts import SECRET, Host

BACK_WITHIN_S = 10.0
QUICK_S = 0.5
ASKED_OFTEN = 20


@pytest.fixture
def orchard(orchard_and_press: tuple[Host, Host]) -> Host:
    return orchard_and_press[0]


@pytest.fixture
def press(orchard_and_press: tuple[Host, Host]) -> Host:
    return orchard_and_press[1]


def until(true: Callable[[], bool], within_s: float = BACK_WITHIN_S) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, f"not within {within_s:g} s"
        time.sleep(0.05)


def answers(client: httpx.Client) -> bool:
    return client.get("/v1/press/trees/7").status_code == 200


def test_a_host_outlives_its_neighbour_and_finds_it_again(orchard: Host, press: Host) -> None:
    with orchard.api() as (neighbour, _), press.api() as (process, client):
        assert answers(client)
        neighbour.send(signal.SIGKILL)
        neighbour.wait()

        refused, longest = set(), 0.0
        for _ in range(ASKED_OFTEN):
            answer = client.get("/v1/press/trees/7")
            refused.add((answer.status_code, answer.json()["code"]))
            longest = max(longest, answer.elapsed.total_seconds())

        assert refused == {(503, "remote_away")}
        assert longest < QUICK_S
        assert "remote_cut_off" in process.output
        until(lambda: client.get("/readyz").json()["checks"]["remotes"] == "away")
        assert client.get("/readyz").status_code == 200, "what else it does goes on"

        with orchard.api():
            until(lambda: answers(client))
            until(lambda: client.get("/readyz").json()["checks"]["remotes"] == "ok")
        assert "remote_back" in process.output


def test_a_secret_is_replaced_while_the_neighbour_runs(orchard: Host, press: Host) -> None:
    after = "by which press is known from now on"
    with orchard.api():
        with press.api() as (_, client):
            assert answers(client)
        replacing = {"HEDGEROW_HOST_SECRET": after, "HEDGEROW_HOST_SECRET_PREVIOUS": SECRET.format("press")}
        with press.with_settings(**replacing).api() as (_, client):
            assert answers(client)
            published = client.get("/_host/keys").json()["keys"]
            assert len(published) == 2
            with press.worker():  # which has not heard of the new secret yet, and asks all the same
                pass
        with press.with_settings(HEDGEROW_HOST_SECRET=after).api() as (_, client):
            assert answers(client)
            assert client.get("/_host/keys").json()["keys"] == published[:1]


def test_a_process_with_a_secret_of_its_own_is_not_believed(orchard: Host, press: Host) -> None:
    """The twin of the one above: nobody has told the API, whose keys are published."""
    astray = press.with_settings(HEDGEROW_HOST_SECRET="by which nobody knows this process")
    with orchard.api(), press.api(), pytest.raises(AssertionError, match="ended with 2"), astray.worker():
        pass
