"""Nobody charges, or seems to charge, without having decided how."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hedgerow_billing import plugin
from hedgerow_billing.infrastructure.gateways.sandbox import SandboxGateway
from hedgerow_billing.infrastructure.gateways.stripe import StripeGateway
from hedgerow_billing.settings import BillingSettings
from hedgerow_core.persistence import Database
from hedgerow_core.plugin import CoreContainer, UnusableSetting
from hedgerow_core.testing import FakeClock

STRIPE = {
    "BILLING_GATEWAY": "stripe",
    "BILLING_STRIPE_API_KEY": "sk_live_of_nobody",
    "BILLING_STRIPE_WEBHOOK_SECRET": "whsec_of_nobody",
}


@pytest.fixture
def core(database: Database, clock: FakeClock, tmp_path: Path) -> CoreContainer:
    return CoreContainer(context="billing", environment="prod", data_dir=tmp_path, clock=clock, database=database)


def settings_from(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> BillingSettings:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    return BillingSettings()


@pytest.mark.parametrize(
    ("variables", "environment", "refused"),
    [
        ({}, "dev", None),
        ({}, "test", "BILLING_GATEWAY"),
        ({}, "prod", "BILLING_GATEWAY"),
        ({"BILLING_GATEWAY": ""}, "prod", "BILLING_GATEWAY"),
        ({"BILLING_GATEWAY": "sandbox"}, "prod", None),
        (STRIPE, "prod", None),
        (STRIPE, "dev", None),
        ({**STRIPE, "BILLING_STRIPE_API_KEY": ""}, "dev", "BILLING_STRIPE_API_KEY"),
        ({**STRIPE, "BILLING_STRIPE_WEBHOOK_SECRET": ""}, "prod", "BILLING_STRIPE_WEBHOOK_SECRET"),
    ],
)
def test_who_has_not_decided_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
    core: CoreContainer,
    variables: dict[str, str],
    environment: str,
    refused: str | None,
) -> None:
    core.environment.override(environment)
    settings = settings_from(monkeypatch, variables)
    if refused is None:
        plugin.container(core, settings)
        return
    with pytest.RaisesGroup(UnusableSetting) as raised:
        plugin.container(core, settings)
    (unusable,) = raised.value.exceptions
    assert (unusable.variable, unusable.fix.startswith("set it to")) == (refused, True)


@pytest.mark.parametrize(("variables", "kind", "routers"), [({}, SandboxGateway, 4), (STRIPE, StripeGateway, 5)])
def test_what_is_named_is_what_charges(
    monkeypatch: pytest.MonkeyPatch,
    core: CoreContainer,
    bus: plugin.Bus,
    variables: dict[str, str],
    kind: type,
    routers: int,
) -> None:
    core.environment.override("dev")
    container = plugin.container(core, settings_from(monkeypatch, variables))
    assert isinstance(container.gateway(), kind)
    assert len(plugin.routes(container, bus)) == routers


@pytest.mark.parametrize(
    ("variables", "needed"),
    [
        ({}, False),
        ({"BILLING_GATEWAY": "sandbox"}, False),
        (STRIPE, True),
        (STRIPE | {"BILLING_STRIPE_PAYMENT_METHOD": "pm_card_visa"}, False),
    ],
)
def test_with_stripe_a_payment_names_a_method_unless_the_settings_do(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], needed: bool
) -> None:
    assert settings_from(monkeypatch, variables).method_needed is needed


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BILLING_GATEWAY", "paypal"),
        ("BILLING_STRIPE_API_BASE", "http://stripe.example"),
        ("BILLING_STRIPE_API_BASE", "https://me:secret@stripe.example"),
        ("BILLING_STRIPE_API_BASE", "https://stripe.example/v1"),
        ("BILLING_STRIPE_PAYMENT_METHOD", "4242424242424242"),
        ("BILLING_STRIPE_TIMEOUT_S", "0"),
        ("BILLING_STRIPE_API_KEY", "short"),
    ],
)
def test_what_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError):
        BillingSettings()


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_from(monkeypatch, STRIPE)
    assert not any(value in repr(settings) for name, value in STRIPE.items() if name != "BILLING_GATEWAY")
