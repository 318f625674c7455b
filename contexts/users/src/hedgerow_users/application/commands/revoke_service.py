"""Revoke a service: all its keys end, and its name is free again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.key_errors import ServiceNotFound
from hedgerow_users.domain.service import ServiceName


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeService(Command[None]):
    """End the live service of this name."""

    name: ServiceName


@final
class RevokeServiceHandler:
    """Ends it and its keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RevokeService, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            ServiceNotFound: no live service has the name.
        """
        if not await work.api_keys.revoke_service(command.name, at=self._clock.now()):
            raise ServiceNotFound
