"""The routes of endpoints. Owners look after theirs; who looks after all sees everybody's."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from hedgerow_core.application import DEFAULT_LIMIT, Bus, Filters, Page
from hedgerow_core.http import (
    Caller,
    ContextRouter,
    Filterable,
    FilterField,
    IfMatch,
    Limit,
    NextPage,
    PageModel,
    Rows,
    authenticated,
    permitted,
    tagged,
)
from hedgerow_webhooks.application.catalogue import EVENT_TYPES
from hedgerow_webhooks.application.commands.change_endpoint import ChangeEndpoint
from hedgerow_webhooks.application.commands.delete_endpoint import DeleteEndpoint
from hedgerow_webhooks.application.commands.register_endpoint import RegisterEndpoint
from hedgerow_webhooks.application.commands.rotate_secret import RotateSecret
from hedgerow_webhooks.application.queries.get_endpoint import GetEndpoint
from hedgerow_webhooks.application.queries.list_endpoints import ListEndpoints
from hedgerow_webhooks.application.views import EndpointView
from hedgerow_webhooks.domain.endpoint import EndpointStatus
from hedgerow_webhooks.interfaces.schemas import (
    EndpointModel,
    EndpointPatchModel,
    EventTypeModel,
    NewEndpointAnswer,
    NewEndpointModel,
    NewSecretAnswer,
    RotationModel,
)

CONTEXT = "webhooks"
READ_ANY = "webhooks:endpoint:read_any"

ENDPOINTS = Filterable(
    owner_id=FilterField.id(), status=FilterField.choice(EndpointStatus), created_at=FilterField.moment()
)
EndpointFilters = Annotated[Filters, Depends(ENDPOINTS.read)]
EVENTS = tuple(EventTypeModel(type=type, description=what) for type, what in sorted(EVENT_TYPES.items()))


def endpoints_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries the messages of webhooks."""
    router = ContextRouter(CONTEXT)

    @router.get("/event-types")
    @authenticated
    async def list_event_types() -> list[EventTypeModel]:
        """Which events can be sent to your endpoints: those that concern you, of these types."""
        return list(EVENTS)

    # Not to be sent again with a key: the secret in the answer would have to be kept.
    @router.post("/endpoints", status_code=HTTPStatus.CREATED)
    @permitted("webhooks:endpoint:write")
    async def register_endpoint(body: NewEndpointModel, caller: Caller, response: Response) -> NewEndpointAnswer:
        """Have events sent to an address. The answer is the only place where the secret stands."""
        made = await bus.execute(
            RegisterEndpoint(
                owner_id=caller.subject, url=body.url, events=body.events, description=body.description
            )
        )
        response.headers["Location"] = f"{router.prefix}/endpoints/{made.view.id}"
        return tagged(response, NewEndpointAnswer.of(made))

    @router.get("/endpoints", response_model=PageModel[EndpointModel], openapi_extra=ENDPOINTS.openapi())
    @permitted("webhooks:endpoint:read", all_rows=READ_ANY)
    async def list_endpoints(
        rows: Rows, filters: EndpointFilters, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> Page[EndpointView]:
        """List your endpoints, or everybody's if you look after all, the latest first."""
        return await bus.ask(ListEndpoints(rows=rows, filters=filters, limit=limit, cursor=cursor))

    @router.get("/endpoints/{endpoint_id}", response_model=EndpointModel)
    @permitted("webhooks:endpoint:read", all_rows=READ_ANY)
    async def get_endpoint(endpoint_id: UUID, rows: Rows, response: Response) -> EndpointView:
        """Look at one of your endpoints, or at anybody's if you look after all."""
        return tagged(response, await bus.ask(GetEndpoint(rows=rows, endpoint_id=endpoint_id)))

    # Nor this one: the address in its answer may be as good as a password. Sent twice, it does what it does once.
    @router.patch("/endpoints/{endpoint_id}", response_model=EndpointModel)
    @permitted("webhooks:endpoint:write")
    async def change_endpoint(
        endpoint_id: UUID, body: EndpointPatchModel, caller: Caller, expected: IfMatch, response: Response
    ) -> EndpointView:
        """Change where events are sent, which, and whether. One that was given up is switched on again so."""
        command = ChangeEndpoint(
            owner_id=caller.subject,
            endpoint_id=endpoint_id,
            url=body.url,
            events=body.events,
            description=body.description,
            is_on=body.enabled,
            expected=expected,
        )
        return tagged(response, await bus.execute(command))

    @router.delete("/endpoints/{endpoint_id}", status_code=HTTPStatus.NO_CONTENT)
    @permitted("webhooks:endpoint:write")
    async def delete_endpoint(endpoint_id: UUID, caller: Caller, expected: IfMatch) -> None:
        """Have nothing sent there any more. Its log goes with it."""
        await bus.execute(DeleteEndpoint(owner_id=caller.subject, endpoint_id=endpoint_id, expected=expected))

    @router.post("/endpoints/{endpoint_id}/rotate-secret", status_code=HTTPStatus.CREATED)
    @permitted("webhooks:endpoint:write")
    async def rotate_secret(
        endpoint_id: UUID, caller: Caller, body: RotationModel | None = None
    ) -> NewSecretAnswer:
        """Replace the secret. For a while, messages carry the signatures of both."""
        overlap = timedelta(hours=(body or RotationModel()).overlap_hours)
        made = await bus.execute(RotateSecret(owner_id=caller.subject, endpoint_id=endpoint_id, overlap=overlap))
        return NewSecretAnswer.of(made)

    return router
