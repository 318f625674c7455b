"""Published queries between two hosts: answers, errors, deadlines and causes arrive as in one process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.extraction.hosts import Host

TRACE = "1" * 32


@pytest.fixture(scope="module")
def running(orchard_and_press: tuple[Host, Host]) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of both hosts, which were started at the same moment and wait for each other."""
    orchard, press = orchard_and_press
    with orchard.started(), press.api() as (_press, at_press), orchard_client(orchard) as at_orchard:
        yield at_orchard, at_press


def orchard_client(orchard: Host) -> httpx.Client:
    return httpx.Client(base_url=orchard.url, timeout=20)


@pytest.fixture
def at_orchard(running: tuple[httpx.Client, httpx.Client]) -> httpx.Client:
    return running[0]


@pytest.fixture
def at_press(running: tuple[httpx.Client, httpx.Client]) -> httpx.Client:
    return running[1]


def test_an_answer_comes_from_another_host(at_press: httpx.Client) -> None:
    answer = at_press.get("/v1/press/trees/7")

    assert (answer.status_code, answer.json()["name"]) == (200, "Tree 7")


def test_the_trace_of_who_asks_goes_along(at_press: httpx.Client) -> None:
    answer = at_press.get("/v1/press/trees/7", headers={"traceparent": f"00-{TRACE}-{'2' * 16}-01"})

    assert answer.json()["trace"] == TRACE


def test_an_error_keeps_kind_code_and_details(at_press: httpx.Client) -> None:
    answer = at_press.get("/v1/press/trees/10")

    assert (answer.status_code, answer.json()["code"]) == (404, "orchard.no_such_tree")
    assert answer.json()["details"] == {"most": 9}


def test_what_nobody_foresaw_is_told_to_nobody(at_press: httpx.Client) -> None:
    answer = at_press.get("/v1/press/trees/0")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


def test_an_answer_that_is_late_is_given_up_on_both_sides(at_press: httpx.Client, at_orchard: httpx.Client) -> None:
    before = at_orchard.get("/v1/orchard/asked").json()["given_up"]

    answer = at_press.get("/v1/press/trees/7", params={"slow_s": 5})

    assert (answer.status_code, answer.json()["code"]) == (503, "query_too_slow")
    assert "Retry-After" in answer.headers
    assert at_orchard.get("/v1/orchard/asked").json()["given_up"] == before + 1


def test_queries_that_are_slow_do_not_cut_their_host_off(at_press: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        late = threads.map(lambda _: at_press.get("/v1/press/trees/7", params={"slow_s": 5}), range(8))

    assert {answer.json()["code"] for answer in late} == {"query_too_slow"}
    assert at_press.get("/v1/press/trees/7").status_code == 200


@pytest.mark.parametrize("path", ["/_ask/orchard.get_tree/1", "/_host/contexts/orchard"])
@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic cHJlc3M6cHJlc3M="])
def test_strangers_are_told_nothing(at_orchard: httpx.Client, path: str, authorization: str | None) -> None:
    method = "POST" if path.startswith("/_ask") else "GET"
    headers = {} if authorization is None else {"Authorization": authorization}

    refused = at_orchard.request(
        method, path, headers=headers, content=b'{"number": 7}' if method == "POST" else None
    )

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_service_token")


def test_the_routes_for_hosts_are_not_in_the_document(at_orchard: httpx.Client) -> None:
    paths = at_orchard.get("/openapi.json").json()["paths"]

    assert "/v1/orchard/asked" in paths
    assert [path for path in paths if path.startswith("/_")] == []


def test_readiness_says_that_the_remotes_are_there(at_press: httpx.Client) -> None:
    assert at_press.get("/readyz").json()["checks"]["remotes"] == "ok"
