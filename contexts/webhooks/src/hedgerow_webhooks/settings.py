"""The settings of webhooks, read from `WEBHOOKS_*`. Nothing else in this context reads the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow_core.security.server_secret import ServerSecretText
from hedgerow_webhooks.domain.target import TargetRules


@final
class WebhooksSettings(BaseSettings):
    """Every field has a default that works in `dev`; elsewhere somebody has to set the secret."""

    model_config = SettingsConfigDict(
        env_prefix="WEBHOOKS_",
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,  # secrets stand in it
    )

    secret: ServerSecretText | None = Field(
        default=None,
        description="32 random characters or more, under which signing secrets are sealed. `dev` makes its own.",
    )
    """What signing secrets are sealed under (ADR 0014). The same for all processes. Outside `dev` nothing starts
    without it; `dev` makes one, in the file `webhooks_secret` of its data folder. `openssl rand -hex 32` makes
    one."""
    secret_previous: ServerSecretText | None = Field(
        default=None,
        description="What WEBHOOKS_SECRET was before; needed until `hedgerow webhooks reseal` ran.",
    )
    ports: str = Field(
        default="443",
        pattern=r"^\d{1,5}(,\d{1,5}){0,9}$",
        description="Ports of receivers that customers may name, separated by commas. Default 443.",
        examples=["443,8443"],
    )
    timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=30,  # the ledger gives a task 60 s
        description="Seconds that a receiver has for all of its answer, looking up its name included. Default 10.",
    )
    give_up_days: int = Field(
        default=5,
        ge=1,
        le=90,
        description="Days without any success after which an endpoint is switched off. Default 5.",
    )
    keep_days: int = Field(
        default=30, ge=4, le=366, description="Days that messages and their log are kept. Default 30."
    )
    local_receivers: bool = Field(
        default=False,
        description="Whether receivers of this machine may be named, over http as well. In `dev` alone.",
    )
    """Whether receivers of this machine may be named, over http as well. Outside `dev` no host starts with it."""

    @property
    def target_rules(self) -> TargetRules:
        """What addresses may be like."""
        ports = frozenset(int(port) for port in self.ports.split(","))
        return TargetRules(ports=ports, local_too=self.local_receivers)

    @property
    def timeout(self) -> timedelta:
        """`timeout_s` as a duration."""
        return timedelta(seconds=self.timeout_s)

    @property
    def give_up_after(self) -> timedelta:
        """`give_up_days` as a duration."""
        return timedelta(days=self.give_up_days)

    @property
    def keep(self) -> timedelta:
        """`keep_days` as a duration."""
        return timedelta(days=self.keep_days)
