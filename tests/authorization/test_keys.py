"""Every operation for an API key that may nothing, and for one that may all that keys may (experiment 29)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from uuid import uuid4

import asyncpg
import httpx
import pytest

from hedgerow_billing.plugin import manifest as manifest_of_billing
from hedgerow_core.security.scopes import scopes_of_contexts
from hedgerow_host.admin.permissions import PERMISSIONS
from hedgerow_users.plugin import manifest as manifest_of_users
from tests.authorization.conftest import Stage
from tests.authorization.policy import POLICIES, Policy
from tests.authorization.test_matrix import NOT_BELIEVED, new_key
from tests.conftest import with_role
from tests.story import Shopper

KEYS_REFUSED = frozenset({"scope_missing", "login_required", "invalid_key"})


@pytest.fixture(scope="module")
def keys(stage: Stage) -> dict[str, Shopper]:
    """Two programs of a super_admin: one that may nothing, one that may everything a key may."""
    maker = with_role(stage.production, stage.client, "super_admin")
    everything, nothing = new_key(maker, every_scope()), new_key(maker, ["users:read"])
    sql(stage, "UPDATE users.api_keys SET scopes = '{}' WHERE id = $1", nothing["id"])
    return {
        name: Shopper(stage.client, maker.email, maker.password, {"access_token": key["key"]})
        for name, key in (("nothing", nothing), ("everything", everything))
    }


def every_scope() -> list[str]:
    """All that there are."""
    contexts = [manifest_of_users(), manifest_of_billing()]
    permissions = [*PERMISSIONS, *(permission for context in contexts for permission in context.permissions)]
    return sorted(
        {permission.name for permission in permissions} | scopes_of_contexts(context.name for context in contexts)
    )


def complaint_of_key(policy: Policy, scoped: str, answer: httpx.Response) -> str | None:
    """What is wrong with an answer to a key; None if nothing is."""
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{answer.status_code}: {answer.text}"
    code = answer.json()["code"] if answer.is_error else None
    if policy.lowest == "anonymous" or (scoped == "everything" and not policy.in_person):
        return f"refused: {answer.text}" if code in NOT_BELIEVED | KEYS_REFUSED else None
    expected = "login_required" if policy.in_person else "scope_missing"
    fine = (answer.status_code, code) == (HTTPStatus.FORBIDDEN, expected)
    return None if fine else f"{answer.status_code} {code} instead of 403 {expected}"


@pytest.mark.parametrize("scoped", ["nothing", "everything"])
@pytest.mark.parametrize("name", POLICIES)
def test_a_key_opens_what_it_was_made_for_and_nothing_that_guards_an_account(
    stage: Stage, keys: dict[str, Shopper], name: str, scoped: str
) -> None:
    operation = stage.operation(name)
    body = None if operation.method == "GET" else {}
    answer = keys[scoped].request(operation.method, operation.path_to(str(uuid4())), json=body)

    assert complaint_of_key(POLICIES[name], scoped, answer) is None


@pytest.mark.parametrize(
    ("policy", "scoped", "status", "code"),
    [
        (Policy("user"), "nothing", 200, None),
        (Policy("user", in_person=True), "everything", 200, None),
        (Policy("admin"), "everything", 403, "scope_missing"),
        (Policy("anonymous"), "nothing", 401, "invalid_key"),
        (Policy("user"), "nothing", 401, "invalid_key"),
        (Policy("user"), "everything", 500, None),
    ],
)
def test_the_matrix_of_keys_would_complain(policy: Policy, scoped: str, status: int, code: str | None) -> None:
    assert complaint_of_key(policy, scoped, httpx.Response(status, json={"code": code})) is not None


def sql(stage: Stage, statement: str, *values: object) -> None:
    """What no route does."""

    async def execute() -> None:
        connection = await asyncpg.connect(stage.production.environment["HEDGEROW_DATABASE_URL"])
        await connection.execute(statement, *values)
        await connection.close()

    asyncio.run(execute())
