"""A running host refuses every forged API key with a 401, and none makes it stumble."""

from __future__ import annotations

from contexts.users.tests.key_corpus import forged_keys
from tests.authorization.conftest import Stage
from tests.authorization.test_forged_tokens import TOO_LARGE, answers
from tests.authorization.test_matrix import new_key

AT_LEAST = 200


def forgeries_of(good: str) -> list[str]:
    """Spaces around a credential are no part of it (RFC 9110 §5.5), so what differs in them alone is none."""
    return [forged for forged in dict.fromkeys(forged_keys(good)) if forged.strip(" \t\r\n") != good]


def test_no_forged_key_opens_a_door_or_breaks_one(stage: Stage) -> None:
    good = new_key(stage.callers["super_admin"], ["users:read"])["key"]

    statuses = answers(stage.client, forgeries_of(good))

    assert statuses[401] >= AT_LEAST
    assert statuses.keys() <= {401} | TOO_LARGE, statuses
    assert answers(stage.client, [good]) == {200: 1}, "the twin: the good one opens it"
