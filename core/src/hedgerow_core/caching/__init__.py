"""Remembers answers, in this process or in Redis: the adapters of the port `Cache` (ADR 0046)."""

from hedgerow_core.caching.cache import StoredCache
from hedgerow_core.caching.stores import CacheStore, in_process_store, redis_store

__all__ = ["CacheStore", "StoredCache", "in_process_store", "redis_store"]
