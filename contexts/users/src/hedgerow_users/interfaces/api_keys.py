"""The routes around API keys: owners make, rotate and revoke them, administrators revoke those of others."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import Response

from hedgerow_core.application import DEFAULT_LIMIT, Bus, Page
from hedgerow_core.http import Caller, ContextRouter, Limit, NextPage, PageModel, logged_in, permitted
from hedgerow_users.application.api_key_view import ApiKeyView
from hedgerow_users.application.commands.create_api_key import CreateApiKey
from hedgerow_users.application.commands.revoke_account_key import RevokeAccountKey
from hedgerow_users.application.commands.revoke_api_key import RevokeApiKey
from hedgerow_users.application.commands.rotate_api_key import RotateApiKey
from hedgerow_users.application.queries.list_api_keys import ListApiKeys
from hedgerow_users.application.queries.look_up_account import LookUpAccount
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKeyId
from hedgerow_users.interfaces.api_key_schemas import (
    ApiKeyAnswer,
    NewApiKeyAnswer,
    NewApiKeyBody,
    RotationBody,
)
from hedgerow_users.interfaces.http import CONTEXT, keep_out_of_caches


def api_keys_router(bus: Bus) -> ContextRouter:
    """One's own keys, and those of others."""
    router = ContextRouter(CONTEXT)

    @router.post("/me/keys", status_code=HTTPStatus.CREATED)
    @logged_in
    async def create_my_key(caller: Caller, body: NewApiKeyBody, response: Response) -> NewApiKeyAnswer:
        """Make a key for a program that acts in your name. The answer is the only place where it stands."""
        made = await bus.execute(
            CreateApiKey(
                account_id=AccountId(caller.subject),
                roles=caller.roles,
                name=body.name,
                scopes=frozenset(body.scopes),
                lifetime=timedelta(days=body.expires_in_days),
            )
        )
        keep_out_of_caches(response)
        return NewApiKeyAnswer.of_new(made)

    @router.get("/me/keys", response_model=PageModel[ApiKeyAnswer])
    @logged_in
    async def list_my_keys(
        caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> Page[ApiKeyView]:
        """Your keys that can be used, the latest first."""
        return await bus.ask(ListApiKeys(account_id=caller.subject, limit=limit, cursor=cursor))

    @router.post("/me/keys/{key_id}/rotate", status_code=HTTPStatus.CREATED)
    @logged_in
    async def rotate_my_key(
        caller: Caller, key_id: UUID, response: Response, body: RotationBody | None = None
    ) -> NewApiKeyAnswer:
        """Replace a key by another one for the same. The old one ends at once, or after the grace that you give."""
        grace = timedelta(hours=body.grace_hours if body else 0)
        made = await bus.execute(
            RotateApiKey(
                account_id=AccountId(caller.subject), roles=caller.roles, key_id=ApiKeyId(key_id), grace=grace
            )
        )
        keep_out_of_caches(response)
        return NewApiKeyAnswer.of_new(made)

    @router.delete("/me/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    async def revoke_my_key(caller: Caller, key_id: UUID) -> None:
        """End a key. It is refused everywhere within a second."""
        await bus.execute(RevokeApiKey(account_id=AccountId(caller.subject), key_id=ApiKeyId(key_id)))

    @router.get("/accounts/{account_id}/keys", response_model=PageModel[ApiKeyAnswer])
    @permitted("users:key:list")
    async def list_account_keys(
        account_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> Page[ApiKeyView]:
        """Somebody's keys that can be used, the latest first."""
        await bus.ask(LookUpAccount(account_id=account_id))  # 404, where an empty page would say "no keys"
        return await bus.ask(ListApiKeys(account_id=account_id, limit=limit, cursor=cursor))

    @router.delete("/accounts/{account_id}/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
    @permitted("users:key:revoke")
    async def revoke_account_key(caller: Caller, account_id: UUID, key_id: UUID) -> None:
        """End somebody's key. It is refused everywhere within a second."""
        await bus.execute(
            RevokeAccountKey(
                actor_id=AccountId(caller.subject), account_id=AccountId(account_id), key_id=ApiKeyId(key_id)
            )
        )

    return router
