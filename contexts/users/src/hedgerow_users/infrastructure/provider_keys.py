"""The keys of identity providers, as long and as often as is fit for strangers: see `RemoteKeys`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from hedgerow_core.wire.remote_keys import Fetch, KeyPatience, RemoteKeys
from hedgerow_users.application.identity_ports import ProviderKeysUnknown

PATIENCE = KeyPatience(ask_every_s=30.0, fresh_at_least_s=300.0, fresh_at_most_s=86_400.0)
"""Who says nothing of caching is asked every five minutes."""


def provider_keys(provider: str, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> RemoteKeys:
    """What this process knows of a provider's keys; without any, it raises `ProviderKeysUnknown`."""
    return RemoteKeys(provider, fetch, PATIENCE, partial(ProviderKeysUnknown, provider), monotonic)
