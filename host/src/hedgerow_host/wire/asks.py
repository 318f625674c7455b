"""`/_ask/{query}/{version}`: answers the published queries of this host's contexts to those of others.

What a handler raises travels in the reply, as in one process; a status other than 200 is the wire's own trouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hedgerow_core.application.questions import QueryTooSlow
from hedgerow_core.domain import NotFoundError
from hedgerow_core.questions import AskedQuery, Transport
from hedgerow_core.questions.envelope import ASK_PATH, asked_in
from hedgerow_host.assembly import Assembly
from hedgerow_host.wire.hosted import asked_of

NO_SUCH_QUERY = "no_such_query"


def ask_routes(assembly: Assembly) -> Sequence[Route]:
    """The one route of all published queries."""

    async def ask(request: Request) -> Response:
        query, version = request.path_params["query"], request.path_params["version"]
        _publisher, asker = await asked_of(request, assembly, query.partition(".")[0])
        answering = assembly.common.answers.get((query, version))
        if answering is None:
            raise NotFoundError(
                "This context does not answer this query, in this version. Look at its contract.",
                code=NO_SUCH_QUERY,
            )
        asked = asked_in(query, version, asker, request.headers, await request.body())
        return Response(await _in_time(answering, asked), media_type="application/json")

    path = ASK_PATH.replace("{version}", "{version:int}")
    return [Route(path, ask, methods=["POST"], include_in_schema=False)]


async def _in_time(answering: Transport, asked: AskedQuery) -> bytes:
    """The reply. When nobody waits for it any more, nobody works on it.

    Raises:
        QueryTooSlow: there is none within the deadline.
    """
    try:
        async with asyncio.timeout(asked.deadline.total_seconds()) as limit:
            return await answering(asked)
    except TimeoutError:
        if not limit.expired():
            raise
        raise QueryTooSlow(asked.query, asked.deadline) from None
