"""The host that is to take over: it must be there, and stand by, before anybody stops."""

from __future__ import annotations

import httpx

from hedgerow_host.exits import ExitCode, HostError

WITHIN_S = 5.0


async def demand_standby(url: str | None, context: str) -> None:
    """It runs on the target, whose fence is closed, and so it stands by.

    Raises:
        HostError: it is not there, or does not stand by for this context.
    """
    if url is None:
        raise HostError(
            f"nobody has said where the new host of {context} is",
            fix="start it on the target, and give its address: --new-host http://host:8000",
            code=ExitCode.MISCONFIGURED,
        )
    try:
        async with httpx.AsyncClient(timeout=WITHIN_S) as client:
            answer = await client.get(f"{url.rstrip('/')}/readyz")
            said = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise HostError(
            f"the new host does not answer at {url}: {type(error).__name__}",
            fix="start it, or correct --new-host",
            code=ExitCode.UNREACHABLE,
        ) from error
    if context not in said.get("standby", ()):
        raise HostError(
            f"the host at {url} does not stand by for {context}: it is {said.get('status', answer.status_code)}",
            fix=f"start it with HEDGEROW_CONTEXTS={context} and the target as HEDGEROW_DATABASE_URL",
            code=ExitCode.CHECK_FAILED,
        )
