"""The cache of one context: answers by generation, so that none is found again that a change has overtaken.

Beside every answer stands the generation in force. An answer carries the one that it was loaded in, and is found
only while that is still in force. A change holds the place before its commit and ends the generation behind it;
whoever loads meanwhile stores nothing. A process that dies in between leaves the place held until that runs out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar, final
from uuid import uuid4

from pydantic import ValidationError

from hedgerow_core.application.cache import Cached, Place
from hedgerow_core.application.single_flight import SingleFlight
from hedgerow_core.caching.stores import CacheAway, CacheStore
from hedgerow_core.observability.metrics import CACHE_READS, CACHE_UNCLEARED
from hedgerow_core.persistence.readers import reading_for

Answer = TypeVar("Answer")

HELD_FOR_S = 90.0
"""Longer than a transaction can take from its last statement on: PostgreSQL ends one that idles for 15 s, and the
driver gives up on a statement after 60."""
LARGEST_BYTES = 256 * 1024
"""What is larger is loaded anew every time."""

_HELD = b"held"
_GENERATION_BYTES = 16


@final
class StoredCache:
    """The port `Cache`. Belongs to one event loop."""

    def __init__(self, store: CacheStore, context: str) -> None:
        self._store = store
        self._context = context
        self._loading: SingleFlight[Any] = SingleFlight()

    async def remembered(
        self, cached: Cached[Answer], key: str, load: Callable[[], Awaitable[Answer]], /
    ) -> Answer:
        """See `Cache`."""
        answer_key, generation_key = self._keys((cached.name, key))
        try:
            stored, generation = await self._store.both(answer_key, generation_key)
            if generation is not None and stored is not None and stored.startswith(generation):
                try:
                    answer = cached.form.validate_json(stored[_GENERATION_BYTES:])
                except ValidationError:
                    stored = None  # written by another release
                else:
                    self._count(cached, "hit")
                    return answer
            generation = generation or await self._begun(generation_key, cached.keep.total_seconds())
        except CacheAway:
            self._count(cached, "away")
            return await load()
        if generation == _HELD:
            self._count(cached, "held")
            return await load()
        return await self._loaded_once(cached, answer_key, generation, load)

    async def hold(self, places: Collection[Place], /) -> None:
        """See `Cache`."""
        try:
            for place in places:
                await self._store.put(self._keys(place)[1], _HELD, keep_s=HELD_FOR_S)
        except CacheAway:
            return  # `release` says so

    async def release(self, places: Collection[Place], /) -> None:
        """See `Cache`."""
        try:
            await self._store.delete(*(self._keys(place)[1] for place in places))
        except CacheAway:
            for name, _key in places:
                CACHE_UNCLEARED.labels(self._context, name).inc()

    async def _begun(self, generation_key: str, keep_s: float) -> bytes:
        """A new generation; or the one that somebody has begun, or who holds the place, in this moment."""
        new = uuid4().bytes
        if await self._store.put(generation_key, new, keep_s=keep_s, only_if_absent=True):
            return new
        return await self._store.get(generation_key) or _HELD

    async def _loaded_once(
        self, cached: Cached[Answer], answer_key: str, generation: bytes, load: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Who comes after a change finds another generation: nobody is given what began to load before it."""
        place = (answer_key, generation)
        self._count(cached, "joined" if self._loading.has(place) else "loaded")
        answer: Answer = await self._loading.get(place, lambda: self._load(cached, answer_key, generation, load))
        return answer

    async def _load(
        self, cached: Cached[Answer], answer_key: str, generation: bytes, load: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        with reading_for(None):  # what a replica lacks would be remembered as if it were all there is
            answer = await load()
        written = generation + cached.form.dump_json(answer)
        if len(written) <= LARGEST_BYTES:
            with suppress(CacheAway):  # the next one loads it
                await self._store.put(answer_key, written, keep_s=cached.keep.total_seconds())
        return answer

    def _keys(self, place: Place) -> tuple[str, str]:
        name, key = place
        return self._store.key(self._context, name, key), self._store.key(self._context, name, key, "generation")

    def _count(self, cached: Cached[Any], outcome: str) -> None:
        CACHE_READS.labels(self._context, cached.name, outcome).inc()
