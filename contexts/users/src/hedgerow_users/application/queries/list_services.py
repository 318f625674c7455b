"""The services of this installation, with their keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Query
from hedgerow_core.domain import Clock
from hedgerow_users.application.api_key_view import ServiceKeyView
from hedgerow_users.application.key_ports import ApiKeyReader


@final
@dataclass(frozen=True, slots=True)
class ListServices(Query[Sequence[ServiceKeyView]]):
    """All that live, by name. Few by nature, so this list has no pages."""


@final
class ListServicesHandler:
    """One statement."""

    def __init__(self, keys: ApiKeyReader, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def __call__(self, _query: ListServices) -> Sequence[ServiceKeyView]:
        """Answer the query."""
        return await self._keys.of_services(at=self._clock.now())
