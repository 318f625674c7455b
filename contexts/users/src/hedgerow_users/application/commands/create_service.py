"""Create a service and its key: by somebody who may run commands beside the database. No route leads here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, new_id
from hedgerow_users.application.api_key_view import NewApiKey, made
from hedgerow_users.application.key_ports import ScopeTable
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.api_key import ApiKey, KeyOwner
from hedgerow_users.domain.key_errors import UnknownScopes
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.service import ServiceId, ServiceName


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateService(Command[NewApiKey]):
    """What the service is called, and what it may."""

    name: ServiceName
    scopes: frozenset[str]
    lifetime: timedelta


@final
class CreateServiceHandler:
    """Stores both. No role bounds the scopes: whoever is beside the database may hand out all there are."""

    def __init__(self, clock: Clock, scopes: ScopeTable) -> None:
        self._clock = clock
        self._scopes = scopes

    async def __call__(self, command: CreateService, work: UsersUnitOfWork) -> NewApiKey:
        """Handle the command.

        Raises:
            UnknownScopes: names them.
            ServiceNameTaken: a live service has the name.
        """
        if unknown := self._scopes.unknown(command.scopes):
            raise UnknownScopes(unknown)
        now, id = self._clock.now(), ServiceId(new_id())
        await work.api_keys.add_service(id, command.name, at=now)
        text, key = ApiKey.make(
            KeyOwner(service_id=id),
            name=Name(command.name.text),
            scopes=command.scopes,
            lifetime=command.lifetime,
            at=now,
        )
        await work.api_keys.add(key)
        return made(text, key)
