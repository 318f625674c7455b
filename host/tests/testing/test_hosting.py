"""A test says how much of the house it wants, and a boundary that it crosses fails it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from hedgerow_core.application import AuditEntry
from hedgerow_core.testing import CrossedBoundaryError, rows_of
from hedgerow_host.problems import CompositionError
from hedgerow_host.testing import HostApp, HostAppFactory
from hedgerow_host.testing.choosing import chosen

Install = Callable[..., None]


@pytest.fixture
def village(install: Install) -> None:
    """`baker` can't do without `miller`, who can't without `farmer`; `cafe` comes when it likes."""
    install("farmer", "")
    install("miller", "", manifest='requires=("farmer",), optional=("cafe",)')
    install("baker", "", manifest='requires=("miller",), optional=("cafe", "moon")')
    install("cafe", "", manifest='requires=("dairy",)')
    install("dairy", "")


def test_standalone_is_a_context_and_what_it_requires(village: None) -> None:
    assert chosen(["baker"], "standalone") == ["baker", "farmer", "miller"]


def test_direct_is_besides_what_it_knows_of_and_what_that_requires(village: None) -> None:
    assert chosen(["baker"], "direct") == ["baker", "cafe", "dairy", "farmer", "miller"]
    assert chosen(["farmer"], "direct") == ["farmer"]


def test_all_is_all(village: None) -> None:
    assert chosen(["baker"], "all") is None


async def test_what_is_not_installed_is_said_as_anywhere(host_app: HostAppFactory) -> None:
    with pytest.raises(CompositionError, match="moon"):
        async with host_app("moon"):
            pass


async def test_what_a_test_does_not_name_is_not_imported(install: Install, host_app: HostAppFactory) -> None:
    install("farmer", "")
    install("thief", "raise SystemExit('I am in')")

    async with host_app(["farmer"], "standalone") as host:
        assert host.assembly.names == ["farmer"]


@pytest.mark.xfail(strict=True, raises=CrossedBoundaryError, reason="the guard fails it, as it must")
async def test_a_test_fails_in_which_one_transaction_touches_two_contexts(host: HostApp) -> None:
    async with host.context("garden").database.transaction() as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))
        await connection.execute(text("SELECT * FROM market.deliveries"))


async def test_a_test_passes_in_which_each_keeps_to_itself(host: HostApp) -> None:
    async with host.context("garden").database.transaction() as connection:
        await connection.execute(text("SELECT * FROM deliveries"))

    assert host.crossings.watched["garden"] > 0
    assert host.crossings.found == []


async def test_a_unit_of_work_commits_when_it_is_left_normally(host: HostApp) -> None:
    rows = rows_of(host.context("garden").database)

    async def record(action: str) -> None:
        async with host.work("garden") as work:
            work.audit(AuditEntry(action=action))
            if action == "garden.burnt_down":
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await record("garden.burnt_down")
    await record("garden.raked")

    assert await rows("SELECT action FROM audit_entries") == [("garden.raked",)]
