"""What holds for every answer of a running host, whoever calls which route: type, headers, no detours."""

from __future__ import annotations

import json
from uuid import uuid4

import httpx
import pytest

from tests.authorization.policy import Operation, operations_of
from tests.story import Shopper, expect, sign_up

JSON = {"application/json", "application/problem+json"}
OTHERS = {"billing_export_invoices": "text/csv; charset=utf-8"}
"""Operations that answer in something else when they answer at all. Documents, too; here there are none to show."""
POLICY = {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "sandbox"}


def complaints(answer: httpx.Response, *, other: str | None = None) -> list[str]:
    """What is wrong with an answer, whatever it says. It may be of the `other` type."""
    headers, kind = answer.headers, answer.headers.get("content-type", "")
    wrong = [f"{answer.status_code} leads elsewhere"] if 300 <= answer.status_code < 400 else []
    if answer.content and kind not in JSON | {other}:
        wrong.append(f"a body of type {kind!r}")
    if answer.content and kind in JSON:
        json.loads(answer.content)
    if not answer.content and kind in JSON and answer.status_code != httpx.codes.NO_CONTENT:
        wrong.append("no body of that type")
    if headers.get("x-content-type-options") != "nosniff":
        wrong.append("may be sniffed")
    if headers.get("referrer-policy") != "no-referrer":
        wrong.append("tells where somebody came from")
    if POLICY - set(headers.get("content-security-policy", "").split("; ")):
        wrong.append("may load something, or be framed")
    if "access-control-allow-origin" in headers:
        wrong.append("lets other origins in")
    return wrong


@pytest.fixture(scope="module")
def operations(client: httpx.Client) -> dict[str, Operation]:
    return operations_of(expect(client.get("/openapi.json"), 200))


def test_every_operation_answers_in_json_that_is_neither_sniffed_nor_framed_and_leads_nowhere_else(
    client: httpx.Client, shopper: Shopper, operations: dict[str, Operation]
) -> None:
    assert len(operations) >= 50
    for name, operation in operations.items():
        path = operation.path_to(str(uuid4()))
        for caller in (client, shopper):
            answer = caller.request(operation.method, path)
            assert complaints(answer, other=OTHERS.get(name)) == [], name


def test_the_answers_of_the_edge_itself_do_so_too(client: httpx.Client) -> None:
    for answer in (
        client.get("/nowhere"),
        client.get("/livez"),
        client.get("/readyz"),
        client.put("/livez"),
        client.post("/v1/users/login", content=b" " * (1024 * 1024 + 1)),
    ):
        assert complaints(answer) == [], answer.text


def test_what_somebody_gets_who_has_said_who_they_are_is_kept_by_no_cache(
    client: httpx.Client, operations: dict[str, Operation]
) -> None:
    """Refusals, too."""
    private = 0
    shopper = sign_up(client)
    for name, operation in operations.items():
        path = operation.path_to(str(uuid4()))
        if client.request(operation.method, path).status_code != httpx.codes.UNAUTHORIZED:
            continue
        answer = shopper.request(operation.method, path)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # it was spent by the one before
            shopper = sign_up(client)
            answer = shopper.request(operation.method, path)
        assert answer.headers["cache-control"] == "no-store", name
        private += 1
    assert private >= 40


def test_who_keeps_what_it_has_read_is_still_told_that_nothing_has_changed(
    client: httpx.Client, shopper: Shopper
) -> None:
    me = shopper.get("/v1/users/me")
    bearer = {"Authorization": me.request.headers["authorization"]}
    again = client.get("/v1/users/me", headers={**bearer, "If-None-Match": me.headers["etag"]})

    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-store")


def test_an_answer_that_breaks_a_rule_is_noticed() -> None:
    assert len(complaints(httpx.Response(302, content=b"<p>", headers={"Content-Type": "text/html"}))) == 5


def test_trace_echoes_nothing(client: httpx.Client) -> None:
    refused = client.request("TRACE", "/v1/users/me", headers={"X-Mine": "echo"})

    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert "echo" not in refused.text


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_json_that_a_page_elsewhere_could_send_without_asking_is_no_json(
    client: httpx.Client, shopper: Shopper, media_type: str
) -> None:
    body = json.dumps({"email": shopper.email, "password": shopper.password}).encode()

    refused = client.post(
        "/v1/users/login", content=body, headers={"Content-Type": media_type} if media_type else {}
    )
    taken = client.post("/v1/users/login", content=body, headers={"Content-Type": "application/json"})

    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    expect(taken, 200)


@pytest.mark.parametrize("written", ["two words", 'a"b', "a\tb", "x" * 129, "<script>"])
def test_a_request_id_that_is_not_well_formed_is_not_sent_back(client: httpx.Client, written: str) -> None:
    assert client.get("/livez", headers={"X-Request-ID": written}).headers["x-request-id"] != written
