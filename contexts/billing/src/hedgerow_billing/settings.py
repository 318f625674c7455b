"""Billing's settings, read from `BILLING_*`. Nothing else in this context reads the environment."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import final

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_billing.domain.documents import MAX_SERIES

_SERIES = rf"^[A-Z][A-Z0-9-]{{0,{MAX_SERIES - 1}}}$"


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
    """Through whom money moves. The sandbox takes none. Unset: `dev` has the sandbox; elsewhere no host starts."""
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
    """Wait between a charge or refund that timed out, or a notice, and the question what became of it."""
    stripe_api_key: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="sk_… or rk_…: the key by which Stripe knows us. Needed with BILLING_GATEWAY=stripe.",
        examples=["sk_…", "rk_…"],
    )
    """By what Stripe knows us. Without it no host starts that has `BILLING_GATEWAY=stripe`."""
    stripe_webhook_secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="whsec_…: what Stripe signs its notices with. Needed with BILLING_GATEWAY=stripe.",
        examples=["whsec_…"],
    )
    """What Stripe signs its notices with. Needed as the key is."""
    stripe_payment_method: str | None = Field(
        default=None,
        max_length=255,
        pattern=r"^(cus_\w+/)?pm_\w+$",
        description="pm_… or cus_…/pm_…: how invoices are paid that name no method. Unset: payments must name one.",
        examples=["pm_…", "cus_…/pm_…"],
    )
    """How invoices are paid that name no method. Unset: whoever pays must name one."""
    stripe_api_base: str = Field(
        default="https://api.stripe.com",
        max_length=255,
        pattern=r"^(https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)$",
        description="Where Stripe's API is; another one for tests. Default https://api.stripe.com.",
    )
    """Where Stripe's API is. Another one for tests. An `https://` address, or `http://` on loopback."""
    stripe_timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=25,  # the ledger gives a task 60 s, and a charge may have to be withdrawn by a second question
        description="Seconds until a question to Stripe counts as not answered. Default 20.",
    )
    """After that a question to Stripe counts as not answered; half of it to connect."""

    invoice_series: str = Field(
        default="INV",
        pattern=_SERIES,
        description="Before the number of every invoice that is opened. Another one begins at 1.",
    )
    """Before the number of every invoice that is opened. Another one begins at 1. It has 1 to 12 of `A` to `Z`,
    `0` to `9` and `-`, a letter first.
    """
    credit_note_series: str = Field(
        default="CN",
        pattern=_SERIES,
        description="Before the number of every credit note. Another one begins at 1.",
    )
    """Before the number of every credit note. Another one than `BILLING_INVOICE_SERIES`."""
    retry_days: str = Field(
        default="0,3,5,7",
        pattern=r"^\d{1,3}(,\d{1,3}){0,9}$",
        description="On which days after its due date an automatic invoice is charged, until it is paid.",
    )
    """On which days after its due date an automatic invoice is charged, until it is paid: 1 to 10, ascending."""

    seller: str = Field(
        default="The seller is not set: see BILLING_SELLER",
        min_length=1,
        max_length=1000,
        description="Who sells, as documents say it: name, address and tax id, with | between lines.",
    )

    @model_validator(mode="after")
    def _demand_sense(self) -> BillingSettings:
        if self.invoice_series == self.credit_note_series:
            raise ValueError("BILLING_CREDIT_NOTE_SERIES must differ from BILLING_INVOICE_SERIES")
        days = self.retry_plan.days
        if list(days) != sorted(set(days)):
            raise ValueError("BILLING_RETRY_DAYS must be in ascending order, each day once, like 0,3,5")
        return self

    @property
    def method_needed(self) -> bool:
        """Whether a payment must name a method. The sandbox takes its money from nobody."""
        return self.gateway is Gateway.STRIPE and self.stripe_payment_method is None

    @property
    def seller_lines(self) -> tuple[str, ...]:
        """`seller`, line by line."""
        return tuple(line.strip() for line in self.seller.split("|"))

    @property
    def retry_plan(self) -> RetryPlan:
        """`retry_days` as the domain knows it."""
        return RetryPlan(tuple(int(day) for day in self.retry_days.split(",")))

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
