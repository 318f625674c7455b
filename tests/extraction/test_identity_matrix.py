"""Who may call what of billing is decided alike, whether users is on the same host or on another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.tests.security.token_corpus import forged
from hedgerow_core.testing import LocalIssuer
from tests.authorization.conftest import Stage
from tests.authorization.policy import POLICIES, ROLES, operations_of
from tests.authorization.test_forged_keys import AT_LEAST as FORGED_KEYS
from tests.authorization.test_forged_keys import forgeries_of
from tests.authorization.test_forged_tokens import AT_LEAST as FORGED_TOKENS
from tests.authorization.test_forged_tokens import TOO_LARGE, answers, signing_key
from tests.authorization.test_keys import complaint_of_key, every_scope
from tests.authorization.test_matrix import complaint, new_key, row_of, told
from tests.conftest import with_role
from tests.extraction.apart import Apart
from tests.story import Shopper, expect, sign_up

INVOICES = "/v1/billing/invoices"
HERE = [name for name in POLICIES if name.startswith(("billing_", "host_"))]
OWNED = [name for name in HERE if POLICIES[name].rows == "own"]


@pytest.fixture(scope="module")
def stage(apart: Apart, issuer: LocalIssuer) -> Iterator[Stage]:
    """Both hosts behind one name, and somebody of every role."""
    with apart.users.api(), apart.billing.api(), apart.front() as client:
        document = expect(client.get("/openapi.json"), 200)
        callers = {role: with_role(apart.home, client, role) for role in ROLES[1:]}
        yield Stage(apart.home, client, callers, document, issuer)


def test_the_host_of_billing_has_these_operations_and_no_others(stage: Stage) -> None:
    assert sorted(operations_of(stage.document)) == sorted(HERE)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", HERE)
def test_an_operation_is_open_from_its_lowest_role_on_and_to_nobody_below(
    stage: Stage, name: str, role: str
) -> None:
    assert complaint(POLICIES[name], role, stage.call(stage.operation(name), role)) is None


@pytest.mark.parametrize("name", OWNED)
@pytest.mark.parametrize("role", ROLES[1:])
def test_a_foreign_row_looks_exactly_like_no_row_unless_the_role_reaches_all(
    stage: Stage, name: str, role: str
) -> None:
    operation = stage.operation(name)
    foreign = row_of(stage, sign_up(stage.client), operation)

    refused, missing = stage.call(operation, role, foreign), stage.call(operation, role)

    if POLICIES[name].reaches_all(role):
        assert (refused.status_code, missing.status_code) == (200, 404)
        return
    assert refused.status_code == missing.status_code == 404
    assert told(refused) == told(missing)


@pytest.fixture(scope="module")
def keys(stage: Stage) -> dict[str, Shopper]:
    """Two programs of a super_admin: one for what is not here, one for everything that a key may."""
    maker = with_role(stage.production, stage.client, "super_admin")
    made = {"nothing": new_key(maker, ["users:read"]), "everything": new_key(maker, every_scope())}
    return {
        name: Shopper(stage.client, maker.email, "", {"access_token": key["key"]}) for name, key in made.items()
    }


@pytest.mark.parametrize("scoped", ["nothing", "everything"])
@pytest.mark.parametrize("name", HERE)
def test_a_key_opens_what_it_was_made_for(stage: Stage, keys: dict[str, Shopper], name: str, scoped: str) -> None:
    operation = stage.operation(name)
    body = None if operation.method == "GET" else {}
    answer = keys[scoped].request(operation.method, operation.path_to("none"), json=body)

    assert complaint_of_key(POLICIES[name], scoped, answer) is None


def test_no_forged_token_opens_a_door_or_breaks_one(stage: Stage) -> None:
    good = stage.callers["super_admin"].tokens["access_token"]

    statuses = answers(stage.client, forged(good, signing_key(stage.client)), INVOICES)

    assert statuses[401] >= FORGED_TOKENS
    assert statuses.keys() <= {401} | TOO_LARGE, statuses
    assert answers(stage.client, [good], INVOICES) == {200: 1}, "the twin: the good one opens it"


def test_no_forged_token_of_an_identity_provider_opens_a_door_or_breaks_one(stage: Stage) -> None:
    good = stage.issuer.person("forged", "forged@example.org")

    statuses = answers(stage.client, forged(good, stage.issuer.pairs[-1].private.public_key()), INVOICES)

    assert statuses[401] >= FORGED_TOKENS
    assert statuses.keys() <= {401} | TOO_LARGE, statuses
    assert answers(stage.client, [good], INVOICES) == {200: 1}, "the twin: the good one opens it"


def test_no_forged_key_opens_a_door_or_breaks_one(stage: Stage, keys: dict[str, Shopper]) -> None:
    good = keys["everything"].tokens["access_token"]

    statuses = answers(stage.client, forgeries_of(good), INVOICES)

    assert statuses[401] >= FORGED_KEYS
    assert statuses.keys() <= {401} | TOO_LARGE, statuses
    assert answers(stage.client, [good], INVOICES) == {200: 1}, "the twin: the good one opens it"
