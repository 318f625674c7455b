"""The routes by which owners see, change and delete their accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus

from fastapi import Response

from hedgerow_core.application import Bus
from hedgerow_core.http import Caller, ContextRouter, IfMatch, authenticated, logged_in, tagged
from hedgerow_core.security import Principal
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfile
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.domain.account import AccountId
from hedgerow_users.interfaces.http import CONTEXT
from hedgerow_users.interfaces.profile_schemas import ProfilePatchBody
from hedgerow_users.interfaces.schemas import OwnAccountAnswer

NeedsSecondFactor = Callable[[Iterable[str]], bool]
"""Whether roles need a second factor."""


def profile_router(bus: Bus, *, needs_second_factor: NeedsSecondFactor) -> ContextRouter:
    """What owners tell about themselves."""
    router = ContextRouter(CONTEXT)

    def shown(account: AccountView, caller: Principal, response: Response) -> OwnAccountAnswer:
        reduced = needs_second_factor(account.roles) and not needs_second_factor(caller.roles)
        answer = OwnAccountAnswer.seen_through(account, needs_second_factor=reduced)
        # The tag tells the version of the account alone: what depends on the session must not be answered 304.
        return answer if reduced else tagged(response, answer)

    @router.get("/me")
    @authenticated
    async def me(caller: Caller, response: Response) -> OwnAccountAnswer:
        """Your account."""
        return shown(await bus.ask(GetAccount(account_id=caller.subject)), caller, response)

    @router.patch("/me")
    @authenticated
    async def update_me(
        caller: Caller, body: ProfilePatchBody, expected: IfMatch, response: Response
    ) -> OwnAccountAnswer:
        """Change your name and profile. What is absent stays, null clears."""
        command = UpdateOwnProfile(account_id=AccountId(caller.subject), patch=body.patch(), expected=expected)
        return shown(await bus.execute(command), caller, response)

    @router.delete("/me", status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    async def delete_me(caller: Caller, expected: IfMatch) -> None:
        """Delete your account for good. Ends all your sessions; your address is free again."""
        await bus.execute(DeleteOwnAccount(account_id=AccountId(caller.subject), expected=expected))

    return router
