"""The route that takes a login link of an operator."""

from __future__ import annotations

from fastapi import Request, Response

from hedgerow_core.http import ContextRouter, public, throttled
from hedgerow_users.application.commands.log_in_by_link import LogInByLink
from hedgerow_users.interfaces.http import CONTEXT, client_of, keep_out_of_caches, secret_of
from hedgerow_users.interfaces.mailed_links import CODES_PER_MINUTE
from hedgerow_users.interfaces.profile_schemas import LoginLinkBody
from hedgerow_users.interfaces.schemas import TokensAnswer


def login_link_router(*, log_in: LogInByLink) -> ContextRouter:
    """Logging in without a password."""
    router = ContextRouter(CONTEXT)

    @router.post("/login/link")
    @public
    @throttled("code", per_minute=CODES_PER_MINUTE)
    async def login_by_link(body: LoginLinkBody, request: Request, response: Response) -> TokensAnswer:
        """Start a session with a link that an operator gave you."""
        tokens = await log_in(
            token=secret_of(body.token),
            code=secret_of(body.code),
            client=client_of(request),
        )
        keep_out_of_caches(response)
        return TokensAnswer.of(tokens)

    return router
