"""Every operation, for every role, with own and foreign rows, against a running host (experiment 29)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from hedgerow_core.testing import LocalIssuer
from tests.authorization.conftest import Stage
from tests.authorization.policy import POLICIES, ROLES, USER, Operation, Policy, disagreements
from tests.story import Shopper, create_invoice, expect, sign_up

REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
NOT_BELIEVED = frozenset({"not_authenticated", "not_permitted", "token_revoked", "invalid_token"})
OWNED = [name for name, policy in POLICIES.items() if policy.rows == "own"]
OF_ALL = [name for name, policy in POLICIES.items() if policy.rows == "all"]


def test_every_operation_has_its_line_in_the_table(stage: Stage) -> None:
    assert disagreements(stage.document, POLICIES) == []


def test_a_new_operation_without_a_line_is_named() -> None:
    document = {"paths": {"/v1/notes": {"post": {"operationId": "notes_write_note"}}}}

    assert disagreements(document, {"notes_gone": USER}) == [
        "notes_write_note: no policy",
        "notes_gone: no such operation",
    ]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", POLICIES)
def test_an_operation_is_open_from_its_lowest_role_on_and_to_nobody_below(
    stage: Stage, name: str, role: str
) -> None:
    answer = stage.call(stage.operation(name), role)

    assert complaint(POLICIES[name], role, answer) is None


def complaint(policy: Policy, role: str, answer: httpx.Response) -> str | None:
    """What is wrong with an answer to this role; None if nothing is."""
    status = answer.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{status}: {answer.text}"
    if policy.allows(role):
        denied = status in REFUSED and answer.json()["code"] in NOT_BELIEVED
        return f"{role} is refused: {answer.text}" if denied else None
    expected = HTTPStatus.UNAUTHORIZED if role == "anonymous" else HTTPStatus.FORBIDDEN
    return None if status == expected else f"{role} gets {status} instead of {expected}: {answer.text}"


@pytest.mark.parametrize(
    ("lowest", "role", "status"),
    [("user", "anonymous", 200), ("super_admin", "admin", 404), ("admin", "user", 422), ("anonymous", "user", 500)],
)
def test_the_matrix_would_complain(lowest: str, role: str, status: int) -> None:
    assert complaint(Policy(lowest), role, httpx.Response(status, json={"code": "x"})) is not None


@pytest.mark.parametrize("name", OWNED)
@pytest.mark.parametrize("role", ROLES[1:])
def test_a_foreign_row_looks_exactly_like_no_row_unless_the_role_reaches_all(
    stage: Stage, name: str, role: str
) -> None:
    operation = stage.operation(name)
    foreign = row_of(stage, sign_up(stage.client), operation)

    refused, missing = stage.call(operation, role, foreign), stage.call(operation, role)

    if POLICIES[name].reaches_all(role):
        assert (refused.status_code, missing.status_code) == (HTTPStatus.OK, HTTPStatus.NOT_FOUND)
        return
    assert refused.status_code == missing.status_code == HTTPStatus.NOT_FOUND
    assert told(refused) == told(missing)


@pytest.mark.parametrize("name", OWNED)
def test_the_owner_reaches_the_row(stage: Stage, name: str) -> None:
    operation, owner = stage.operation(name), sign_up(stage.client)
    path = operation.path_to(row_of(stage, owner, operation))

    assert owner.request(operation.method, path, json={}).status_code != HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("name", OF_ALL)
@pytest.mark.parametrize("role", ["admin", "super_admin"])
def test_who_looks_after_all_reaches_the_row_of_anybody(stage: Stage, name: str, role: str) -> None:
    operation = stage.operation(name)
    answer = stage.call(operation, role, row_of(stage, sign_up(stage.client), operation))

    assert answer.status_code not in {*REFUSED, HTTPStatus.NOT_FOUND}


@pytest.mark.parametrize("name", OF_ALL)
def test_others_learn_nothing_from_rows_that_are_for_administrators(stage: Stage, name: str) -> None:
    operation = stage.operation(name)
    row = row_of(stage, sign_up(stage.client), operation)

    refused, missing = stage.call(operation, "user", row), stage.call(operation, "user")

    assert refused.status_code == missing.status_code == HTTPStatus.FORBIDDEN
    assert told(refused) == told(missing)


def row_of(stage: Stage, owner: Shopper, operation: Operation) -> str:
    """Something of theirs that the path of this operation can name."""
    if "{credit_note_id}" in operation.path:
        invoice = credited(owner, stage.callers["admin"])
        return f"{invoice['id']}/{invoice['credit_notes'][0]['id']}"
    if "{invoice_id}" in operation.path:
        return str(create_invoice(owner)["id"])
    if "{key_id}" in operation.path:
        me, key = expect(owner.get("/v1/users/me"), 200)["id"], new_key(owner, ["users:read"])["id"]
        return f"{me}/{key}" if "{account_id}" in operation.path else str(key)
    if "{session_id}" in operation.path:
        return str(expect(owner.get("/v1/users/me/sessions"), 200)["items"][0]["id"])
    if "{identity_id}" in operation.path:
        return identity_of(owner, stage.issuer)
    return str(expect(owner.get("/v1/users/me"), 200)["id"])


def credited(owner: Shopper, admin: Shopper) -> dict[str, Any]:
    """An open invoice of theirs with a credit note."""
    path = f"/v1/billing/invoices/{create_invoice(owner)['id']}"
    expect(owner.post(f"{path}/open"), 200)
    return expect(admin.post(f"{path}/credit-notes", json={"amount": 1, "reason": "Matrix"}), 200)


def new_key(owner: Shopper, scopes: list[str]) -> dict[str, Any]:
    """A key for these."""
    return expect(owner.post("/v1/users/me/keys", json={"name": "Matrix", "scopes": scopes}), 201)


def identity_of(owner: Shopper, issuer: LocalIssuer) -> str:
    """An identity that they link."""
    body = {"token": issuer.token(owner.email), "current_password": owner.password}
    return str(expect(owner.post("/v1/users/me/identities", json=body), 201)["id"])


def told(answer: httpx.Response) -> dict[str, Any]:
    """A problem without what differs from request to request."""
    problem = {name: value for name, value in answer.json().items() if name not in {"trace_id", "instance"}}
    return problem | {"detail": re.sub(r"[0-9a-f-]{36}", "…", problem["detail"])}
