"""Billing's settings, read from `BILLING_*`. Nothing else in this context reads the environment."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Gateway(StrEnum):
    """Through whom money moves."""

    SANDBOX = "sandbox"
    STRIPE = "stripe"


@final
class BillingSettings(BaseSettings):
    """Every field has a default that works in `dev`; elsewhere somebody has to say through whom money moves."""

    model_config = SettingsConfigDict(
        env_prefix="BILLING_",
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,  # secrets stand in it
    )

    gateway: Gateway | None = Field(
        default=None,
        description="sandbox, which takes no money, or stripe. Unset: `dev` has the sandbox, nobody else starts.",
    )
    sandbox_latency_s: float = Field(
        default=0.05,
        ge=0,
        le=30,
        description="Seconds that the sandbox gateway takes for an answer.",
    )
    reconcile_delay_s: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Seconds between a charge that timed out, or a notice, and the question what became of it.",
    )
    stripe_api_key: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="sk_… or rk_…: the key by which Stripe knows us. Needed with BILLING_GATEWAY=stripe.",
    )
    stripe_webhook_secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="whsec_…: what Stripe signs its notices with. Needed with BILLING_GATEWAY=stripe.",
    )
    stripe_payment_method: str | None = Field(
        default=None,
        max_length=255,
        pattern=r"^(cus_\w+/)?pm_\w+$",
        description="pm_… or cus_…/pm_…: how charges are paid that name no method. Unset: they wait for one.",
    )
    stripe_api_base: str = Field(
        default="https://api.stripe.com",
        max_length=255,
        pattern=r"^(https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)$",
        description="Where Stripe's API is; another one for tests. Default https://api.stripe.com.",
    )
    stripe_timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=25,  # the ledger gives a task 60 s, and a charge may have to be withdrawn by a second question
        description="Seconds until a question to Stripe counts as not answered. Default 20.",
    )

    @property
    def reconcile_delay(self) -> timedelta:
        """`reconcile_delay_s` as a duration."""
        return timedelta(seconds=self.reconcile_delay_s)

    @property
    def sandbox_latency(self) -> timedelta:
        """`sandbox_latency_s` as a duration."""
        return timedelta(seconds=self.sandbox_latency_s)

    @property
    def stripe_timeout(self) -> timedelta:
        """`stripe_timeout_s` as a duration."""
        return timedelta(seconds=self.stripe_timeout_s)
