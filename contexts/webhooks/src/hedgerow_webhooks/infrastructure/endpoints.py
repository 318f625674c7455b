"""Loads and saves endpoints and their secrets, on the connection of a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, final
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Row,
    any_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from hedgerow_core.application import RowScope
from hedgerow_core.domain import ConflictError, new_id
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.persistence import Scoped, parameters_of
from hedgerow_webhooks.application.ports import Health, Standing
from hedgerow_webhooks.domain.endpoint import Endpoint, EndpointStatus
from hedgerow_webhooks.domain.errors import EndpointNotFound
from hedgerow_webhooks.domain.message import Attempt
from hedgerow_webhooks.domain.signing_secret import SigningSecret
from hedgerow_webhooks.domain.target import Target
from hedgerow_webhooks.infrastructure.signing_secrets import SealedSecrets
from hedgerow_webhooks.infrastructure.tables import endpoint_secrets, endpoints, owners

RESTS_AFTER = 3
"""Failures in a row before an endpoint is left alone: 5 s, and twice as long each time, up to five minutes. So a
dead receiver costs one request in five minutes, however many messages wait for it."""

_ADD = insert(endpoints)
_ADD_SECRET = insert(endpoint_secrets)
ENDPOINT = Scoped(select(endpoints).where(endpoints.c.id == bindparam("endpoint")), endpoints.c.owner_id)
_UPDATE = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("endpoint"), endpoints.c.version == bindparam("loaded"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("url", "events", "description", "status", "version")}
        # Whoever switches it on, or sends it elsewhere, begins with a clean sheet.
        | {
            name: case((bindparam("afresh"), clean), else_=endpoints.c[name])
            for name, clean in (("failures", literal(0)), ("failing_since", null()), ("resting_until", null()))
        }
    )
    .returning(endpoints.c.failing_since)
)
_DELETE = delete(endpoints).where(endpoints.c.id == bindparam("endpoint"))
_DELETE_OF = delete(endpoints).where(endpoints.c.owner_id == bindparam("owner"))

# Index: ix_endpoints_owner. Of whom nothing was told, nothing bad is known.
_closed = (
    select(owners.c.id).where(owners.c.id == endpoints.c.owner_id, owners.c.standing != Standing.ACTIVE).exists()
)
_LISTENING = (
    select(endpoints.c.id)
    .where(
        endpoints.c.owner_id == bindparam("owner"),
        endpoints.c.status == EndpointStatus.ENABLED,
        bindparam("type") == any_(endpoints.c.events),
        ~_closed,
    )
    .order_by(endpoints.c.id)
)

_of_endpoint = endpoint_secrets.c.endpoint_id == bindparam("endpoint")
_current = endpoint_secrets.c.expires_at.is_(None)
_FORGET_OLDER = delete(endpoint_secrets).where(_of_endpoint, ~_current)
_EXPIRE_CURRENT = update(endpoint_secrets).where(_of_endpoint, _current).values(expires_at=bindparam("until"))

_ARRIVED = (
    update(endpoints)
    .where(
        endpoints.c.id == bindparam("endpoint"),
        or_(endpoints.c.failures > 0, endpoints.c.resting_until.is_not(None)),
    )
    .values(failures=0, failing_since=None, resting_until=None)
)
_rest_s = func.least(300, 5 * func.power(2, func.least(endpoints.c.failures + 1 - RESTS_AFTER, 10)))
_at = bindparam("at", type_=DateTime(timezone=True))
_FAILED = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("endpoint"))
    .values(
        failures=endpoints.c.failures + 1,
        failing_since=func.coalesce(endpoints.c.failing_since, _at),
        resting_until=case(
            (endpoints.c.failures + 1 >= RESTS_AFTER, _at + func.make_interval(0, 0, 0, 0, 0, 0, _rest_s)),
            else_=null(),
        ),
    )
    .returning(endpoints.c.failing_since)
)


@final
class PostgresEndpoints:
    """The port `Endpoints`."""

    def __init__(self, work: LedgerWork, secrets: SealedSecrets) -> None:
        self._work = work
        self._secrets = secrets
        self._loaded: dict[UUID, tuple[str, str]] = {}
        """Address and status as they were loaded."""

    async def add(self, endpoint: Endpoint, secret: SigningSecret) -> None:
        """Insert both."""
        row = {
            "id": endpoint.id,
            "owner_id": endpoint.owner_id,
            "failures": 0,
            "created_at": endpoint.created_at,
            **_changing(endpoint, 1),
        }
        await self._work.connection.execute(_ADD, row)
        await self._add_secret(endpoint.id, secret, at=endpoint.created_at)
        self._work.saved(endpoint, version=1)

    async def within(self, rows: RowScope, endpoint_id: UUID) -> Endpoint:
        """Load it."""
        statement, where = ENDPOINT.within(rows), {"endpoint": endpoint_id, **parameters_of(rows)}
        row = (await self._work.connection.execute(statement, where)).one_or_none()
        if row is None:
            raise EndpointNotFound
        self._loaded[row.id] = (row.url, row.status)
        return endpoint_of(row)

    async def update(self, endpoint: Endpoint) -> Health:
        """Save it if it is still at the version that was loaded."""
        version = endpoint.version + 1
        url, status = self._loaded[endpoint.id]
        changed = {f"new_{name}": value for name, value in _changing(endpoint, version).items()}
        afresh = endpoint.target.url != url or (endpoint.is_on and status != EndpointStatus.ENABLED)
        where = {"endpoint": endpoint.id, "loaded": endpoint.version, "afresh": afresh}
        row = (await self._work.connection.execute(_UPDATE, where | changed)).one_or_none()
        if row is None:
            raise ConflictError(
                "Somebody else changed this endpoint at the same moment. Look at it and try again.",
                code="concurrent_change",
            )
        self._work.saved(endpoint, version=version)
        return Health(failing_since=row.failing_since)

    async def delete(self, endpoint_id: UUID) -> None:
        """Secrets, messages and log go with it."""
        await self._work.connection.execute(_DELETE, {"endpoint": endpoint_id})

    async def delete_of(self, owner_id: UUID) -> None:
        """All of them."""
        await self._work.connection.execute(_DELETE_OF, {"owner": owner_id})

    async def rotate(
        self, endpoint_id: UUID, secret: SigningSecret, *, at: datetime, previous_until: datetime
    ) -> None:
        """At most two are valid afterwards."""
        connection = self._work.connection
        await connection.execute(_FORGET_OLDER, {"endpoint": endpoint_id})
        await connection.execute(_EXPIRE_CURRENT, {"endpoint": endpoint_id, "until": previous_until})
        await self._add_secret(endpoint_id, secret, at=at)

    async def listening(self, owner_id: UUID, type: str) -> Sequence[UUID]:
        """Read them."""
        found = await self._work.connection.scalars(_LISTENING, {"owner": owner_id, "type": type})
        return found.all()

    async def note(self, endpoint_id: UUID, attempt: Attempt) -> Health | None:
        """One statement; of a success after successes, nothing is written."""
        if attempt.arrived:
            await self._work.connection.execute(_ARRIVED, {"endpoint": endpoint_id})
            return None
        failed = await self._work.connection.execute(_FAILED, {"endpoint": endpoint_id, "at": attempt.at})
        row = failed.one_or_none()
        return None if row is None else Health(failing_since=row.failing_since)

    async def _add_secret(self, endpoint_id: UUID, secret: SigningSecret, *, at: datetime) -> None:
        id = new_id()
        sealed = self._secrets.close(endpoint_id, id, secret)
        await self._work.connection.execute(
            _ADD_SECRET, {"id": id, "endpoint_id": endpoint_id, "sealed": sealed, "created_at": at}
        )


def endpoint_of(row: Row[Any]) -> Endpoint:
    """The endpoint in a row."""
    return Endpoint(
        row.id,
        owner_id=row.owner_id,
        target=Target(row.url),
        events=frozenset(row.events),
        description=row.description,
        status=EndpointStatus(row.status),
        created_at=row.created_at,
        version=row.version,
    )


def _changing(endpoint: Endpoint, version: int) -> dict[str, object]:
    return {
        "url": endpoint.target.url,
        "events": sorted(endpoint.events),
        "description": endpoint.description,
        "status": endpoint.status,
        "version": version,
    }
