"""`/_feed/{context}`: what a context of this host has published, for contexts of other hosts that listen to it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError as NotAsDeclared
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hedgerow_core.domain import ValidationError
from hedgerow_core.messaging import Outlet
from hedgerow_core.messaging.feed_pages import MEDIA_TYPE, PageRequest
from hedgerow_host.assembly import Assembly
from hedgerow_host.wire.feed_asking import PATH
from hedgerow_host.wire.hosted import asked_of


def feed_routes(assembly: Assembly) -> Sequence[Route]:
    """The feed of every context. Any remote context may read all of it, as any role may in one database."""
    outlets = {context.name: Outlet(context.database) for context in assembly.contexts}
    for outlet in outlets.values():
        assembly.wakeup.wakes(outlet.nudge)

    async def page(request: Request) -> Response:
        publisher, asker = await asked_of(request, assembly, request.path_params["context"])
        asked = _read(await request.body())
        _demand_own(asker, asked)
        content = await outlets[publisher.name].page(asked, asker=asker, gone=request.is_disconnected)
        return Response(content, media_type=MEDIA_TYPE)

    return [Route(PATH, page, methods=["POST"], include_in_schema=False)]


def _read(body: bytes) -> PageRequest:
    try:
        return PageRequest.model_validate_json(body)
    except NotAsDeclared as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        raise ValidationError(f"No page can be asked for like this: {first['msg']}.", field=field) from None


def _demand_own(asker: str, asked: PageRequest) -> None:
    """Who could report for others could have the publisher drop what those still need."""
    names = [name for position in asked.passed for name in position.subscriptions]
    foreign = [name for name in names if not name.startswith(f"{asker}.")]
    if foreign:
        raise ValidationError(
            f"{asker} may report the positions of its own subscriptions, and {foreign[0]} is none: "
            f"their names begin with {asker} and a dot.",
            field="passed",
            code="foreign_subscription",
        )
