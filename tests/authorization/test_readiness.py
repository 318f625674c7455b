"""Whether the host is ready everybody may know; what runs there, and what is wrong, is for those who may look."""

from __future__ import annotations

import pytest

from tests.authorization.conftest import Stage
from tests.story import expect

FOR_PROBES = {"status", "checks"}
IN_DETAIL = {
    *FOR_PROBES,
    "contexts",
    "quarantined",
    "broken",
    "alarms",
    "remotes",
    "requests",
    "connections_in_use",
}


@pytest.mark.parametrize("role", ["user", "admin"])
def test_who_may_not_look_at_the_ledger_is_answered_like_a_probe(stage: Stage, role: str) -> None:
    probe = expect(stage.client.get("/readyz"), 200)

    assert probe.keys() == FOR_PROBES
    assert expect(stage.callers[role].get("/readyz"), 200) == probe


def test_who_may_look_at_the_ledger_sees_versions_and_alarms(stage: Stage) -> None:
    seen = expect(stage.callers["super_admin"].get("/readyz"), 200)

    assert seen.keys() == IN_DETAIL
    assert seen["contexts"].keys() == {"users", "billing"}


@pytest.mark.parametrize("said", ["Bearer forged", "Bearer", "Basic YTpi", ""])
def test_a_token_that_is_none_makes_no_probe_fail(stage: Stage, said: str) -> None:
    answer = stage.client.get("/readyz", headers={"Authorization": said})

    assert expect(answer, 200).keys() == FOR_PROBES
