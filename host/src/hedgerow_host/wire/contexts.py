"""`/_host/contexts/{context}`: what a context of this host publishes, reads, answers and asks, for who lists it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hedgerow_host.assembly import Assembly
from hedgerow_host.contracts import as_json
from hedgerow_host.wire.hosted import asked_of

CONTEXT_PATH = "/_host/contexts/{context}"


def context_routes(assembly: Assembly) -> Sequence[Route]:
    """The one route by which another host finds out whether this one is what it needs."""

    async def contract(request: Request) -> Response:
        context, _asker = await asked_of(request, assembly, request.path_params["context"])
        told = replace(context.contract, version=context.loaded.manifest.version)
        return Response(as_json(told), media_type="application/json")

    return [Route(CONTEXT_PATH, contract, include_in_schema=False)]
