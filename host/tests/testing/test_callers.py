"""Anybody may call in a test, and the host looks at them as closely as at everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hedgerow_core.domain import new_id
from hedgerow_core.security import Principal
from hedgerow_core.security.principal import PrincipalKind
from hedgerow_host.testing import HostApp, Person

NOW, SHED, BED = "/v1/garden/now", "/v1/garden/shed", "/v1/garden/bed"


async def statuses(person: Person) -> list[int]:
    return [(await person.get(path)).status_code for path in (NOW, SHED, BED)]


async def test_each_caller_may_what_its_role_its_scopes_and_its_kind_allow(host: HostApp) -> None:
    service = Principal(
        subject=new_id(),
        session=None,
        roles=frozenset(),
        scopes=frozenset({"garden:shed:open"}),
        kind=PrincipalKind.SERVICE,
    )

    assert await statuses(host.someone()) == [200, 403, 200]
    assert await statuses(host.someone("admin")) == [200, 200, 200]
    assert await statuses(host.someone("super_admin", scopes=["garden:shed:open"])) == [403, 200, 403]
    assert await statuses(host.someone("user", scopes=["garden:read"])) == [200, 403, 403]
    assert await statuses(host.acting_as(service)) == [403, 200, 403]
    assert (await host.anonymous.get(NOW)).status_code == 401


async def test_who_may_something_has_the_lowest_role_that_may(host: HostApp) -> None:
    assert host.someone(may="garden:shed:open").principal.roles == {"admin"}
    with pytest.raises(LookupError, match="no hosted context declares the permission garden:shed:paint"):
        host.someone(may="garden:shed:paint")


async def test_the_host_sees_who_calls(host: HostApp) -> None:
    ann = host.someone()
    again, other = host.someone(id=ann.id), host.someone()

    seen = [(await person.get(NOW)).json()["who"] for person in (ann, again, other)]

    assert seen == [str(ann.id), str(ann.id), str(other.id)]
    assert ann.id != other.id


async def test_a_token_expires_by_the_tests_clock_and_a_person_gets_another(host: HostApp) -> None:
    ann = host.someone()
    headers = {"Authorization": f"Bearer {host.doorkeeper.token(ann.principal)}"}
    fresh = await host.anonymous.get(NOW, headers=headers)
    host.clock.advance(timedelta(minutes=6))
    stale = await host.anonymous.get(NOW, headers=headers)

    assert fresh.status_code == 200
    assert (stale.status_code, stale.json()["code"]) == (401, "token_expired")
    assert (await ann.get(NOW)).status_code == 200
