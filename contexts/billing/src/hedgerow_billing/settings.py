"""Billing's settings, read from `BILLING_*`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_billing.domain.documents import MAX_SERIES

_SERIES = rf"^[A-Z][A-Z0-9-]{{0,{MAX_SERIES - 1}}}$"


class BillingSettings(BaseSettings):
    """Every field has a default that works."""

    model_config = SettingsConfigDict(env_prefix="BILLING_", frozen=True)

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
        description="Seconds between a charge that timed out and the first question what became of it.",
    )

    invoice_series: str = Field(
        default="INV",
        pattern=_SERIES,
        description="Before the number of every invoice that is opened. Another one begins at 1.",
    )
    credit_note_series: str = Field(
        default="CN",
        pattern=_SERIES,
        description="Before the number of every credit note. Another one begins at 1.",
    )
    retry_days: tuple[Annotated[int, Field(ge=0, le=365)], ...] = Field(
        default=(0, 3, 5, 7),
        min_length=1,
        max_length=10,
        description="On which days after its due date an automatic invoice is charged, until it is paid.",
    )

    seller: str = Field(
        default="The seller is not set: see BILLING_SELLER",
        min_length=1,
        max_length=1000,
        description="Who sells, as documents say it: name, address and tax id, with | between lines.",
    )

    @model_validator(mode="after")
    def _demand_two_series(self) -> BillingSettings:
        if self.invoice_series == self.credit_note_series:
            raise ValueError("BILLING_CREDIT_NOTE_SERIES must differ from BILLING_INVOICE_SERIES")
        if list(self.retry_days) != sorted(set(self.retry_days)):
            raise ValueError("BILLING_RETRY_DAYS must be in ascending order, each day once, like [0, 3, 5]")
        return self

    @property
    def seller_lines(self) -> tuple[str, ...]:
        """`seller`, line by line."""
        return tuple(line.strip() for line in self.seller.split("|"))

    @property
    def retry_plan(self) -> RetryPlan:
        """`retry_days` as the domain knows it."""
        return RetryPlan(self.retry_days)

    @property
    def reconcile_delay(self) -> timedelta:
        """`reconcile_delay_s` as a duration."""
        return timedelta(seconds=self.reconcile_delay_s)

    @property
    def sandbox_latency(self) -> timedelta:
        """`sandbox_latency_s` as a duration."""
        return timedelta(seconds=self.sandbox_latency_s)
