"""The routes by which owners change and delete their accounts."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from hedgerow_core.application import Bus
from hedgerow_core.http import Caller, ContextRouter, IfMatch, authenticated, tagged
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfile
from hedgerow_users.domain.account import AccountId
from hedgerow_users.interfaces.http import CONTEXT
from hedgerow_users.interfaces.profile_schemas import ProfilePatchBody
from hedgerow_users.interfaces.schemas import AccountAnswer


def profile_router(bus: Bus) -> ContextRouter:
    """What owners tell about themselves."""
    router = ContextRouter(CONTEXT)

    @router.patch("/me")
    @authenticated
    async def update_me(
        caller: Caller, body: ProfilePatchBody, expected: IfMatch, response: Response
    ) -> AccountAnswer:
        """Change your name and profile. What is absent stays, null clears."""
        command = UpdateOwnProfile(account_id=AccountId(caller.subject), patch=body.patch(), expected=expected)
        return tagged(response, AccountAnswer.of(await bus.execute(command)))

    @router.delete("/me", status_code=HTTPStatus.NO_CONTENT)
    @authenticated
    async def delete_me(caller: Caller, expected: IfMatch) -> None:
        """Delete your account for good. Ends all your sessions; your address is free again."""
        await bus.execute(DeleteOwnAccount(account_id=AccountId(caller.subject), expected=expected))

    return router
