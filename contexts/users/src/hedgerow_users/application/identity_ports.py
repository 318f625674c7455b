"""What the use cases around identity providers need from outside, and what goes wrong there."""

from __future__ import annotations

from datetime import timedelta

from hedgerow_core.domain import UnavailableError


class ProviderKeysUnknown(UnavailableError):
    """We have no keys of this provider: it can't be reached, or what it answers is no key set."""

    code = "users.provider_keys_unknown"

    def __init__(self, provider: str, retry_after: timedelta) -> None:
        super().__init__(
            f"Tokens of {provider} can't be checked right now. Try again as Retry-After says.",
            retry_after=retry_after,
        )
