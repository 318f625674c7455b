"""A story is told, all that follows has happened, and what would prove nothing is refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from hedgerow_core.testing import HandlersFailedError
from hedgerow_host.testing import HostAppFactory, Scenario
from host.tests.testing.conftest import Install
from host.tests.testing.garden import MARKET


def grown(scenario: Scenario) -> list[str]:
    return [event.payload["kind"] for event in scenario.published("garden.plant_grown")]


async def test_what_an_absent_context_would_publish_is_heard(scenario: Scenario) -> None:
    event_id = await scenario.happens("market.seed_sold", kind="rose")

    (bought, rose) = (*scenario.published("market.seed_sold"), *scenario.published("garden.plant_grown"))
    assert (bought.event_id, bought.payload) == (event_id, {"kind": "rose"})
    assert (rose.payload["kind"], rose.occurred_at) == ("rose", scenario.host.clock.now())


async def test_time_passes_for_tasks_schedules_and_sql(scenario: Scenario) -> None:
    begun = scenario.host.clock.now()
    await scenario.happens("market.seed_sold", kind="rose")
    await scenario.time_passes(timedelta(hours=17))
    assert grown(scenario) == ["rose"], "neither six o'clock nor the harvest has come"

    await scenario.time_passes(timedelta(hours=1))
    assert grown(scenario) == ["rose", "watered"]
    assert scenario.published("garden.plant_grown")[-1].payload["at"] == "2026-01-16T06:00:00Z"

    await scenario.time_passes(timedelta(days=90, hours=1))
    assert sorted(grown(scenario)) == ["ripe", "rose", "watered", "watered"], (
        "ticks of a night without workers are one"
    )
    seen = (await scenario.host.someone().get("/v1/garden/now")).json()
    python, sql = (datetime.fromisoformat(seen[name]) for name in ("python", "sql"))
    assert python == begun + timedelta(days=90, hours=19)
    assert python <= sql < python + timedelta(minutes=5)


async def test_a_handler_that_fails_fails_the_story_unless_it_is_about_that(scenario: Scenario) -> None:
    with pytest.raises(HandlersFailedError, match=r"garden\.sow \(retry_wait\): RuntimeError: not in my garden"):
        await scenario.happens("market.seed_sold", kind="thistle")

    await scenario.happens("market.seed_sold", kind="rose", despite_failures=True)
    assert grown(scenario) == ["rose"]


@pytest.mark.parametrize(
    ("type", "complaint"),
    [
        ("market.seed_stolen", "nobody here hears market.seed_stolen; what is heard of market: market.seed_sold"),
        ("moon.rose", "moon is neither hosted nor heard here"),
        ("garden.plant_grow", r"garden publishes no garden\.plant_grow .*, but garden\.plant_grown v1"),
    ],
)
async def test_an_event_that_is_misspelt_proves_nothing_and_is_refused(
    scenario: Scenario, type: str, complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        await scenario.happens(type)
    with pytest.raises(AssertionError, match=complaint):
        scenario.published(type)


async def test_beside_its_publisher_an_event_must_be_as_promised(
    garden: None, install: Install, host_app: HostAppFactory
) -> None:
    install("market", MARKET)
    async with host_app("garden", "direct") as host:
        scenario = Scenario(host)
        assert host.assembly.names == ["market", "garden"]

        with pytest.raises(AssertionError, match=r"(?s)not as market\.seed_sold promises: .*price"):
            await scenario.happens("market.seed_sold", kind="rose")
        await scenario.happens("market.seed_sold", kind="rose", price=3)

        assert grown(scenario) == ["rose"]


async def test_a_command_line_of_a_story_is_its_answer(scenario: Scenario) -> None:
    answer = await scenario.after(scenario.host.someone().get("/v1/garden/bed"))

    assert answer.json() == "made"


async def test_settings_of_this_machine_are_not_those_of_the_test(
    host_app: HostAppFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_SANDBOX_LATENCY_S", "9")
    async with host_app("billing", "standalone", settings={"BILLING_RECONCILE_DELAY_S": "7"}) as host:
        settings = host.context("billing").settings

    assert settings is not None
    assert settings.model_dump()["sandbox_latency_s"] != 9
    assert settings.model_dump()["reconcile_delay_s"] == 7
