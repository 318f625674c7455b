"""Revoke a key by how it begins, whoever owns it: somebody has found it where it should not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.api_key import KeyOwner
from hedgerow_users.domain.api_key_text import public_id_in
from hedgerow_users.domain.key_errors import KeyNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeLeakedKey(Command[KeyOwner]):
    """End the key that begins so. Answers whose it was."""

    prefix: str


@final
class RevokeLeakedKeyHandler:
    """Ends it. The whole key, as it was found, is as good as its beginning; nothing of it is kept or told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RevokeLeakedKey, work: UsersUnitOfWork) -> KeyOwner:
        """Handle the command.

        Raises:
            KeyNotFound: no live key begins so.
        """
        now, public_id = self._clock.now(), public_id_in(command.prefix)
        key = await work.api_keys.hold_public(public_id) if public_id else None
        if key is None or not key.is_live(now):
            raise KeyNotFound
        key.revoke(at=now)
        await work.api_keys.save(key)
        return key.owner
