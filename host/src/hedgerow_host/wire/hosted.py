"""Which context a request of another host is about, and who asks: the first step of all routes but that of keys."""

from __future__ import annotations

from starlette.requests import Request

from hedgerow_core.domain import NotFoundError
from hedgerow_host.assembly import Assembly
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.mounting import out_of_service

NOT_HERE = "context_not_here"


async def asked_of(request: Request, assembly: Assembly, name: str) -> tuple[HostedContext, str]:
    """The hosted context of this name, and the remote one that asks it.

    Raises:
        NotFoundError: it is not hosted here.
        AuthenticationError: no remote of this host asks.
        UnavailableError: it is out of service, or it can't be known who asks.
    """
    if name in assembly.quarantine:
        raise out_of_service(name)
    context = next((one for one in assembly.contexts if one.name == name), None)
    if context is None:
        raise NotFoundError("This context is not hosted here. Look at HEDGEROW_REMOTES.", code=NOT_HERE)
    return context, await assembly.remotes.asker_of(request, name)
