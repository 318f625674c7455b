"""`/_host/keys`: by what other hosts know the tokens of this one. Public, as public keys are."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hedgerow_core.wire import KEYS_PATH
from hedgerow_host.assembly import Assembly


def key_routes(assembly: Assembly) -> Sequence[Route]:
    """The one route that asks nobody who they are."""
    keys = assembly.remotes.keys

    async def document(_request: Request) -> Response:
        return Response(keys.document, media_type="application/jwk-set+json")

    return [Route(KEYS_PATH, document, include_in_schema=False)]
