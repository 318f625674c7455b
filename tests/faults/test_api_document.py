"""Experiment 33: whatever is sent to any operation, no answer is a server error or one that the document denies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as fixed
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.authorization.policy import POLICIES
from tests.conftest import Production, with_role
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.story import expect, sign_up

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Headers = Callable[[], dict[str, str]]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def api(shared_production: Production) -> Iterator[httpx.Client]:
    with shared_production.api() as (_process, client):
        yield client


@pytest.fixture(scope="module")
def document(api: httpx.Client) -> Document:
    return expect(api.get("/openapi.json"), 200)


def says_that_a_name_is_a_number(document: Document) -> None:
    """The document denies every caller's own account."""
    document["components"]["schemas"]["OwnAccountAnswer"]["properties"]["name"] = {"type": "integer"}


def knows_no_errors(document: Document) -> None:
    """The document promises that nothing is ever refused."""
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"] = {
                status: told for status, told in operation["responses"].items() if status.startswith("2")
            }


@pytest.mark.parametrize("lie", [None, says_that_a_name_is_a_number, knows_no_errors])
def test_no_answer_is_a_server_error_or_against_the_document(
    shared_production: Production,
    api: httpx.Client,
    document: Document,
    verdict: Records,
    seed: int,
    lie: Callable[[Document], None] | None,
) -> None:
    told = deepcopy(document)
    if lie:
        lie(told)
    operator = with_role(shared_production, api, "super_admin")
    operations = POLICIES if lie is None else {"users_me", "users_login", "billing_get_invoice"}
    calls, wrong = Counter[int](), list[str]()
    for found in schemathesis.openapi.from_dict(told).get_all_operations():
        operation = found.ok()
        name = operation.definition.raw.get("operationId", "")
        if name not in operations:
            continue
        spends = POLICIES[name].spends
        headers: Headers = (lambda: sign_up(api)._headers) if spends else (lambda: operator._headers)
        examples = 2 if spends else size("api_document.examples")
        wrong += violations(operation, str(api.base_url), headers, examples, seed, calls)

    answers = ", ".join(f"{count} of {status}" for status, count in sorted(calls.items()))
    line = f"{calls.total()} calls of {len(operations)} operations ({answers}): {len(wrong)} wrong {wrong[:3]}"
    mutant = lie.__name__ if lie else None
    verdict("33 API document", Measured(not wrong, line), seed=seed, mutant=mutant)


def violations(
    operation: Any, base_url: str, headers: Headers, examples: int, seed: int, calls: Counter[int]
) -> list[str]:
    """Call the operation with what its document allows; what the answers violated, shortened."""
    wrong: list[str] = []
    who = headers()

    @fixed(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        answer = case.call(base_url=base_url, headers=who)
        calls[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            wrong.extend(f"{operation.label}: {failure.title}" for failure in group.exceptions)

    call()
    return wrong
