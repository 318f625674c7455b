"""Whatever goes wrong is answered as a problem (RFC 9457) with a stable code, and tells nothing internal."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from tests.story import Shopper

UNKNOWN = "00000000-0000-7000-8000-000000000000"


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, if it is one in every respect."""
    body: dict[str, Any] = response.json()
    assert response.status_code == status, body
    assert response.headers["content-type"] == "application/problem+json"
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert len(body["trace_id"]) == 32
    assert response.headers["x-request-id"]
    return body


def test_nothing_there_is_a_404(client: httpx.Client) -> None:
    problem(client.get("/v1/nowhere"), 404, "not_found")
    problem(client.post("/v1/users/login/"), 404, "not_found")
    problem(client.get("/livez%0a"), 404, "not_found")
    problem(client.get("/v1/users/me%1b"), 404, "not_found")


def test_a_wrong_method_is_a_405_that_names_the_right_ones(client: httpx.Client) -> None:
    refused = client.delete("/v1/users/login")

    problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "POST"
    assert client.delete("/v1/billing/invoices").headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "a@example.com", "password": "long enough", "name": 5}, "name"),
        ({"email": "a@example.com", "password": "short", "name": "Ann"}, "password"),
        ({"email": "not an address", "password": "long enough", "name": "Ann"}, "email"),
        ({"email": "a@example.com", "password": "long enough", "name": "Ann", "role": "admin"}, "role"),
        ({"email": "a@example.com", "password": "x" * 129, "name": "Ann"}, "password"),
    ],
)
def test_a_wrong_body_is_a_422_that_names_the_field(client: httpx.Client, body: object, field: str) -> None:
    refused = client.post("/v1/users/register", json=body)

    assert refused.status_code == 422, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in refused.json()["errors"]]
    assert "short" not in refused.text.replace("too_short", "").replace("shorter", "")


@pytest.mark.parametrize("body", [b"{", b"", b'"text"', b"[]"])
def test_what_is_no_json_object_is_a_422(client: httpx.Client, body: bytes) -> None:
    refused = client.post("/v1/users/login", content=body, headers={"content-type": "application/json"})

    body = problem(refused, 422, "validation_failed")
    assert {error["field"] for error in body["errors"]} == {"body"}


def test_a_body_that_is_no_text_is_a_400(client: httpx.Client) -> None:
    refused = client.post("/v1/users/login", content=b"\xff", headers={"content-type": "application/json"})

    problem(refused, 400, "bad_request")


def test_too_large_a_body_is_a_413_whether_announced_or_not(client: httpx.Client) -> None:
    announced = client.post("/v1/users/login", content=b" " * (1024 * 1024 + 1))
    chunked = client.post("/v1/users/login", content=iter([b" " * 65536] * 17))

    problem(announced, 413, "body_too_large")
    problem(chunked, 413, "body_too_large")


def test_no_token_is_a_401_with_a_bare_challenge(client: httpx.Client) -> None:
    refused = client.get("/v1/users/me")

    problem(refused, 401, "not_authenticated")
    assert refused.headers["www-authenticate"] == 'Bearer realm="hedgerow"'


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged_tokens(good: str) -> dict[str, str]:
    header, payload, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    return {
        "garbage": "garbage",
        "two parts": f"{header}.{payload}",
        "unsigned": f"{header}.{payload}.",
        "alg none": f"{segment({'alg': 'none', 'typ': 'at+jwt', 'kid': kid})}.{payload}.",
        "HS256": f"{segment({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}.{payload}.{signature}",
        "other type": f"{segment({'alg': 'EdDSA', 'typ': 'JWT', 'kid': kid})}.{payload}.{signature}",
        "unknown key": f"{segment({'alg': 'EdDSA', 'typ': 'at+jwt', 'kid': '../../etc'})}.{payload}.{signature}",
        "other subject": f"{header}.{segment({**claims, 'sub': UNKNOWN})}.{signature}",
        "more roles": f"{header}.{segment({**claims, 'roles': ['super_admin']})}.{signature}",
        "other issuer": f"{header}.{segment({**claims, 'iss': 'https://evil.example'})}.{signature}",
        "oversize": f"{header}.{'a' * 8000}.{signature}",
    }


def test_a_forged_token_is_a_401_whatever_was_changed(client: httpx.Client, shopper: Shopper) -> None:
    for token in forged_tokens(shopper.tokens["access_token"]).values():
        refused = client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})

        problem(refused, 401, "invalid_token")
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_an_access_token_is_of_the_promised_kind(shopper: Shopper) -> None:
    header, payload, _signature = shopper.tokens["access_token"].split(".")
    head = json.loads(base64.urlsafe_b64decode(header + "=="))
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))

    assert (head["typ"], head["alg"]) == ("at+jwt", "EdDSA")
    assert {"iss", "aud", "sub", "iat", "exp", "jti", "sid", "roles"} <= claims.keys()
    assert claims["exp"] - claims["iat"] == shopper.tokens["expires_in"] <= 300


def test_an_unknown_id_is_a_404_and_a_malformed_one_a_422(shopper: Shopper) -> None:
    problem(shopper.get(f"/v1/billing/invoices/{UNKNOWN}"), 404, "billing.invoice_not_found")
    problem(shopper.get("/v1/billing/invoices/42"), 422, "validation_failed")


def test_every_answer_names_its_request_and_keeps_the_trace_it_was_given(client: httpx.Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    named = client.get(
        "/v1/users/me", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-ID": "mine-1"}
    )

    assert named.headers["x-request-id"] == "mine-1"
    assert named.json()["trace_id"] == trace


def test_the_document_describes_every_route_its_security_and_its_problems(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    operations = {
        operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()
    }

    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert operations["billing_create_invoice"]["security"] == [{"bearer": []}]
    assert "security" not in operations["users_login"]
    for name, operation in operations.items():
        if not name.startswith("host_"):
            assert "application/problem+json" in operation["responses"]["default"]["content"], name
            assert "422" not in operation["responses"], name
    assert client.get("/docs").status_code == httpx.codes.OK
