"""Remembered answers as a port: what is read often and changes seldom, and which events of the context end that.

There is no `set`. Who loads an answer stores it under the generation that was in force when the loading began, so
that an answer that was overtaken by a change is never found again (ADR 0046).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar, final

from pydantic import TypeAdapter

from hedgerow_core.domain import DomainEvent

Answer = TypeVar("Answer")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cached(Generic[Answer]):
    """One kind of answer that a context remembers."""

    name: str
    """Stands in keys and metrics. Rename it when the form of the answer changes: two releases may run at once."""
    form: TypeAdapter[Answer]
    """How it is written as JSON, and read again. What can't be read counts as not there."""
    keep: timedelta
    """For so long at most, and so long at worst is an answer old if nobody could be told of a change."""
    cleared_by: Mapping[type[DomainEvent], Callable[[Any], str]] = field(default_factory=dict)
    """The events of this context that change the answer, and under which key it is remembered."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a cached answer: lower-case letters, digits and _")
        if self.keep <= timedelta(0):
            raise ValueError(f"the cached answer {self.name} would be forgotten at once: keep it for a while")


Place = tuple[str, str]
"""Of one answer: the name of its kind, and its key."""


class Cache(Protocol):
    """Remembers answers of one context. It may forget any of them at any time, and never raises by itself."""

    async def remembered(
        self, cached: Cached[Answer], key: str, load: Callable[[], Awaitable[Answer]], /
    ) -> Answer:
        """The answer: a remembered one, or what `load` answers. However many ask at once, one of them loads.

        Call it outside of transactions; `load` must read what is committed, from the primary. Raises what `load`
        raises, which is not remembered.
        """
        ...

    async def hold(self, places: Collection[Place], /) -> None:
        """Right before the commit of a change: until `release`, or for a minute and a half, nothing is stored."""
        ...

    async def release(self, places: Collection[Place], /) -> None:
        """Right after it: what was remembered is not found again, and what is loaded from now on is stored."""
        ...


@final
class Uncached:
    """Remembers nothing (port `Cache`): for hosts that have nowhere to remember what all processes see."""

    async def remembered(
        self, _cached: Cached[Answer], _key: str, load: Callable[[], Awaitable[Answer]], /
    ) -> Answer:
        """What `load` answers."""
        return await load()

    async def hold(self, places: Collection[Place], /) -> None:
        """There is nothing to hold."""

    async def release(self, places: Collection[Place], /) -> None:
        """There is nothing to release."""


@final
class Clearing:
    """Which answers of a context which events clear, and the cache where they are. Built once, at start."""

    def __init__(self, cache: Cache, cached: Iterable[Cached[Any]]) -> None:
        """
        Raises:
            ValueError: two of them share a name.
        """
        self._cache = cache
        self._by_event: dict[type[DomainEvent], list[tuple[str, Callable[[Any], str]]]] = {}
        names = set[str]()
        for kind in cached:
            if kind.name in names:
                raise ValueError(f"two cached answers are named {kind.name}: rename one")
            names.add(kind.name)
            for event, key_of in kind.cleared_by.items():
                self._by_event.setdefault(event, []).append((kind.name, key_of))

    def places_of(self, happened: Sequence[DomainEvent]) -> set[Place]:
        """Where the answers are that these events change."""
        return {(name, key_of(event)) for event in happened for name, key_of in self._by_event.get(type(event), ())}

    async def hold(self, places: Collection[Place]) -> None:
        """See `Cache`."""
        if places:
            await self._cache.hold(places)

    async def release(self, places: Collection[Place]) -> None:
        """See `Cache`."""
        if places:
            await self._cache.release(places)


NOTHING_CLEARED = Clearing(Uncached(), ())
"""Of a context that remembers nothing."""
