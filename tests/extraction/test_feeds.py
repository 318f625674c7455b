"""What contexts publish reaches those on other hosts, and nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from hedgerow_core.messaging.cursors import BEGINNING
from hedgerow_core.wire import PeerRefused
from hedgerow_host.testing import HostApp, HostAppFactory, Scenario

ANN = {"email": "ann@example.com", "password": "correct horse battery staple", "name": "Ann"}
WANTED = {"users.user_registered": 1}
PASSED = {"snapshot": BEGINNING, "subscriptions": ["billing.copy_registered_user"]}
ASKED: dict[str, Any] = {"snapshot": BEGINNING, "wanted": WANTED}
SOON = timedelta(seconds=5)


@pytest.fixture
async def host(host_app: HostAppFactory) -> AsyncIterator[HostApp]:
    async with host_app(["users", "billing"], over_the_wire=True) as host:
        yield host


async def asked(host: HostApp, path: str = "/_feed/users", asker: str = "billing", **asked: Any) -> Any:
    """The status, and the code of the problem, if it is one."""
    content = json.dumps(ASKED | asked).encode()
    answer = await host.assembly.peers["users"].send("POST", path, asker=asker, within=SOON, content=content)
    return answer.status, json.loads(answer.content)["code"] if answer.status >= 400 else None


@pytest.mark.parametrize("over_the_wire", [False, True], ids=["in one database", "over the wire"])
async def test_who_registers_is_known_to_billing_wherever_that_lives(
    host_app: HostAppFactory, over_the_wire: bool
) -> None:
    async with host_app(["users", "billing"], over_the_wire=over_the_wire) as host:
        scenario = Scenario(host)
        await scenario.after(host.anonymous.post("/v1/users/register", json=ANN))
        async with host.context("billing").database.reading() as connection:
            known = (await connection.exec_driver_sql("SELECT name FROM customers")).scalars().all()
            heard = (await connection.exec_driver_sql("SELECT heard_at IS NOT NULL FROM feed_cursors")).scalars()

    assert known == ["Ann"]
    assert set(heard) == {over_the_wire}


async def test_a_remote_context_reads_the_feed_and_reports_its_own_position(host: HostApp) -> None:
    assert await asked(host, passed=[PASSED]) == (HTTPStatus.OK, None)

    async with host.context("users").database.reading() as connection:
        known = (await connection.exec_driver_sql("SELECT consumer FROM feed_consumers")).scalars().all()
    assert known == ["billing.copy_registered_user"]


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Basic eDp5"])
async def test_nobody_else_reads_it(host: HostApp, authorization: str) -> None:
    answer = await host.anonymous.post("/_feed/users", json=ASKED, headers={"Authorization": authorization})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_service_token")


async def test_neither_does_somebody_who_is_logged_in_nor_a_token_for_another_context(host: HostApp) -> None:
    admin = await host.someone("super_admin").post("/_feed/users", json=ASKED)
    assert (admin.status_code, admin.json()["code"]) == (401, "invalid_service_token")

    with pytest.raises(PeerRefused):
        await asked(host, "/_feed/billing")


@pytest.mark.parametrize(
    ("path", "change", "expected"),
    [
        ("/_feed/nobody", {}, (404, "context_not_here")),
        ("/_feed/users", {"snapshot": "yesterday"}, (422, "validation_failed")),
        ("/_feed/users", {"snapshot": "9:3:"}, (422, "invalid_cursor")),
        ("/_feed/users", {"limit": 1_000_000}, (422, "validation_failed")),
        ("/_feed/users", {"wait_s": 3600}, (422, "validation_failed")),
        ("/_feed/users", {"wanted": {f"users.{n}": 1 for n in range(1_000)}}, (422, "validation_failed")),
    ],
)
async def test_what_is_out_of_bounds_is_refused(
    host: HostApp, path: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert await asked(host, path, **change) == expected


async def test_nobody_reports_the_position_of_another_contexts_subscription(host: HostApp) -> None:
    foreign = {"snapshot": BEGINNING, "subscriptions": ["archive.copy_user"]}

    assert await asked(host, passed=[foreign]) == (422, "foreign_subscription")
    async with host.context("users").database.reading() as connection:
        assert (await connection.exec_driver_sql("SELECT consumer FROM feed_consumers")).all() == []


async def test_the_product_says_nothing_of_feeds_in_its_document(host: HostApp) -> None:
    assert "_feed" not in (await host.anonymous.get("/openapi.json")).text
    assert (await host.anonymous.get("/_feed/users")).status_code == 405


async def test_a_host_without_remotes_has_no_feeds(host_app: HostAppFactory) -> None:
    async with host_app(["users", "billing"]) as host:
        assert (await host.anonymous.post("/_feed/users", json=ASKED)).status_code == 404
