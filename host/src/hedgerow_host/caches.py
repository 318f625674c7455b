"""Where a host remembers answers: in the Redis that the settings name, so that all its processes see the same."""

from __future__ import annotations

from hedgerow_core.caching import CacheStore, redis_store
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.broker_signs import namespace_of
from hedgerow_host.settings import HostSettings


def cache_for(settings: HostSettings, address: DatabaseAddress) -> CacheStore | None:
    """The Redis that is named; None if none is."""
    if settings.cache_url is None:
        return None
    return redis_store(settings.cache_url, namespace=namespace_of(address))
