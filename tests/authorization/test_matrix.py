"""Every operation, for every role, with own and foreign rows, against a running host (experiment 29)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.authorization.conftest import Stage
from tests.authorization.policy import POLICIES, ROLES, USER, Policy, disagreements
from tests.story import create_invoice, sign_up

REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
OWNED = [name for name, policy in POLICIES.items() if policy.rows == "own"]


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
        denied = status in REFUSED and answer.json()["code"] in {"not_authenticated", "not_permitted"}
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
def test_a_foreign_row_looks_exactly_like_no_row(stage: Stage, name: str, role: str) -> None:
    operation = stage.operation(name)
    foreign = create_invoice(sign_up(stage.client))["id"]

    refused, missing = stage.call(operation, role, foreign), stage.call(operation, role)

    assert refused.status_code == missing.status_code == HTTPStatus.NOT_FOUND
    assert told(refused) == told(missing)


@pytest.mark.parametrize("name", OWNED)
def test_the_owner_reaches_the_row(stage: Stage, name: str) -> None:
    own = create_invoice(stage.callers["user"])["id"]

    assert stage.call(stage.operation(name), "user", own).status_code != HTTPStatus.NOT_FOUND


def told(answer: httpx.Response) -> dict[str, Any]:
    """A problem without what differs from request to request."""
    problem = {name: value for name, value in answer.json().items() if name not in {"trace_id", "instance"}}
    return problem | {"detail": re.sub(r"[0-9a-f-]{36}", "…", problem["detail"])}
