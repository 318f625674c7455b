"""The USERS_* settings. Nothing else in this context reads the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LONGEST_ACCESS_TOKEN_S = 300
"""An access token can't be called back, so it must not outlive a lost session by more than five minutes."""

SECRET_CHARACTERS = 32
"""`openssl rand -hex 32` writes 64 of them, 256 bits; fewer than 32 could be guessed at from one derived token."""

ServerSecretText = Annotated[SecretStr, Field(min_length=SECRET_CHARACTERS)]


@final
class UsersSettings(BaseSettings):
    """How this context issues tokens and how much hashing it takes on."""

    model_config = SettingsConfigDict(env_prefix="USERS_", env_ignore_empty=True, frozen=True)

    secret: ServerSecretText | None = Field(
        default=None,
        description="32 random characters or more, the same everywhere: openssl rand -hex 32. `dev` makes its own.",
    )
    secret_previous: ServerSecretText | None = Field(
        default=None, description="What USERS_SECRET was before; needed while it is being replaced."
    )
    issuer: str = Field(
        default="hedgerow-users",
        min_length=1,
        max_length=255,
        description="`iss` of our access tokens. Default hedgerow-users.",
    )
    audience: str = Field(
        default="hedgerow",
        min_length=1,
        max_length=255,
        description="`aud` of our access tokens: whoever accepts them. Default hedgerow.",
    )
    access_token_lifetime_s: int = Field(
        default=LONGEST_ACCESS_TOKEN_S,
        ge=1,
        le=LONGEST_ACCESS_TOKEN_S,
        description="How long an access token is good for, in seconds. Default 300, which is also the most.",
    )
    refresh_token_lifetime_days: int = Field(
        default=30,
        ge=1,
        le=365,
        description="How long a refresh token waits for its one use, in days. Default 30.",
    )
    hashing_queue: int = Field(
        default=16,
        ge=0,
        le=1024,
        description="How many passwords may wait for a hashing thread; the next is answered 503. Default 16.",
    )

    @property
    def access_token_lifetime(self) -> timedelta:
        """`access_token_lifetime_s` as a duration."""
        return timedelta(seconds=self.access_token_lifetime_s)

    @property
    def refresh_token_lifetime(self) -> timedelta:
        """`refresh_token_lifetime_days` as a duration."""
        return timedelta(days=self.refresh_token_lifetime_days)
