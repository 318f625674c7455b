"""Who an API key speaks for: remembered for half a second, then looked up again by one statement (ADR 0019).

What is not a whole key is refused without asking anybody. A key that was never good in this process is counted by
network before the database is asked, so that guessing costs the guesser more than us.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, final
from uuid import UUID

from sqlalchemy import Row, Select, and_, bindparam, or_, select

from hedgerow_core.application import Claim, Quota, RateLimiter
from hedgerow_core.application.single_flight import SingleFlight
from hedgerow_core.domain import Clock
from hedgerow_core.persistence import Database
from hedgerow_core.security import Principal, PrincipalKind
from hedgerow_users.domain.account import AccountStatus
from hedgerow_users.domain.api_key_text import KeyText
from hedgerow_users.infrastructure.key_uses import KeyUses
from hedgerow_users.infrastructure.tables import accounts, api_keys, services

BELIEVED_FOR_S = 0.5
"""Since the question was put. Who is shut out must be so within a second."""
MOST_KEYS = 10_000
"""About 10 MB. Beyond it the key that was quiet for longest is forgotten."""
FIRST_LOOKS = Quota(name="key.first_look", limit=60, period=timedelta(minutes=1), burst=60)
"""From one network and process, at keys that were not good here before."""

_FIND: Select[Any] = (  # uq_api_keys_public_id
    select(
        api_keys.c.id,
        api_keys.c.hash,
        api_keys.c.scopes,
        api_keys.c.expires_at,
        api_keys.c.account_id,
        api_keys.c.service_id,
        accounts.c.roles,
        accounts.c.verified_at,
    )
    .select_from(
        api_keys.outerjoin(accounts, accounts.c.id == api_keys.c.account_id).outerjoin(
            services, services.c.id == api_keys.c.service_id
        )
    )
    .where(
        api_keys.c.public_id == bindparam("public_id"),
        api_keys.c.revoked_at.is_(None),
        or_(
            accounts.c.status == AccountStatus.ACTIVE.value,
            and_(services.c.id.is_not(None), services.c.revoked_at.is_(None)),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class _Known:
    """A key that is good, as far as was known when it was asked about."""

    key_id: UUID
    principal: Principal
    expires_at: datetime
    asked_at: float


@final
class KeyRing:
    """Finds principals by their keys (`KeyFinder`). Belongs to one event loop."""

    def __init__(
        self,
        database: Database,
        limiter: RateLimiter,
        clock: Clock,
        uses: KeyUses,
        *,
        require_verified_email: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._limiter = limiter
        self._clock = clock
        self._uses = uses
        self._require_verified_email = require_verified_email
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: SingleFlight[_Known | None] = SingleFlight()

    async def find(self, presented: str, network: str) -> Principal | None:
        """The principal of a key; None if it is not, or no longer, good.

        Raises:
            RateLimitError: too many keys that were never good came from this network.
            UnavailableError: the database is away.
        """
        text = KeyText.read(presented)
        if text is None:
            return None
        hash = text.hash
        known = self._known.get(hash)
        if known is None:
            (await self._limiter.spend(Claim(FIRST_LOOKS, network))).demand()
        if known is None or self._monotonic() - known.asked_at > BELIEVED_FOR_S:
            known = await self._asking.get(hash, lambda: self._ask(hash, text.public_id))
        now = self._clock.now()
        if known is None or now >= known.expires_at:
            return None
        self._uses.note(known.key_id, at=now)
        return known.principal

    async def _ask(self, hash: bytes, public_id: str) -> _Known | None:
        asked_at = self._monotonic()
        async with self._database.reading() as connection:
            row: Row[Any] | None = (await connection.execute(_FIND, {"public_id": public_id})).one_or_none()
        if row is None or not compare_digest(row.hash, hash) or self._lacks_address(row):
            self._known.pop(hash, None)
            return None
        known = _Known(row.id, _principal(row), row.expires_at, asked_at)
        self._known[hash] = known
        self._known.move_to_end(hash)
        while len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
        return known

    def _lacks_address(self, row: Row[Any]) -> bool:
        return self._require_verified_email and row.account_id is not None and row.verified_at is None


def _principal(row: Row[Any]) -> Principal:
    is_service = row.service_id is not None
    return Principal(
        subject=row.service_id if is_service else row.account_id,
        session=None,
        roles=frozenset(() if is_service else row.roles),
        scopes=frozenset(row.scopes),
        kind=PrincipalKind.SERVICE if is_service else PrincipalKind.USER,
    )
