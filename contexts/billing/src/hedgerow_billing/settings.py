"""Billing's settings, read from `BILLING_*`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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

    @property
    def reconcile_delay(self) -> timedelta:
        """`reconcile_delay_s` as a duration."""
        return timedelta(seconds=self.reconcile_delay_s)

    @property
    def sandbox_latency(self) -> timedelta:
        """`sandbox_latency_s` as a duration."""
        return timedelta(seconds=self.sandbox_latency_s)
