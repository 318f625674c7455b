"""However many want the same thing at once, one of them gets it for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar, final

Answer = TypeVar("Answer")


@final
class SingleFlight(Generic[Answer]):
    """What is under way, by key. Belongs to one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Answer]] = {}

    def has(self, key: Hashable) -> bool:
        """Whether somebody gets it right now."""
        return key in self._under_way

    async def get(self, key: Hashable, get: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """What `get` answers, or raises: to whoever came first, and to all who come before it does."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(get())
            self._under_way[key] = task
            task.add_done_callback(lambda _done: self._under_way.pop(key, None))
        return await asyncio.shield(task)  # who goes away must not take the answer along
