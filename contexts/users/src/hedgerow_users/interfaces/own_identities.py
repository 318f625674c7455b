"""The routes by which owners say which identity providers let them into their account."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr

from hedgerow_core.application import DEFAULT_LIMIT, Bus, Page
from hedgerow_core.http import Caller, ContextRouter, HttpModel, Limit, NextPage, PageModel, logged_in, throttled
from hedgerow_core.security import Principal
from hedgerow_core.security.tokens import MAX_TOKEN_BYTES
from hedgerow_users.application.commands.link_identity import LinkIdentity
from hedgerow_users.application.commands.unlink_identity import UnlinkIdentity
from hedgerow_users.application.identity_ports import IdentityView
from hedgerow_users.application.queries.list_identities import ListIdentities
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.identity_errors import LocalLoginNeeded
from hedgerow_users.interfaces.http import CONTEXT, secret_of
from hedgerow_users.interfaces.schemas import CODE_IF_ANY, Body, PresentedCode, PresentedPassword

LINKS_PER_MINUTE = 10
"""Each costs a hashing thread 20 ms, and is a guess at a password."""


class LinkBody(Body):
    """A token of the provider, and the password as proof."""

    token: SecretStr = Field(max_length=MAX_TOKEN_BYTES, description="A token of the provider that is good now.")
    current_password: PresentedPassword
    code: PresentedCode | None = CODE_IF_ANY


class IdentityAnswer(HttpModel):
    """An identity as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    provider: str = Field(examples=["acme"])
    subject: str = Field(description="Its `sub` there.", examples=["auth0|42"])
    email: str | None = Field(description="The verified address that the provider has last told us.")
    created_at: datetime


def own_identities_router(bus: Bus, *, link_identity: LinkIdentity) -> ContextRouter:
    """One's own identities."""
    router = ContextRouter(CONTEXT)

    @router.get("/me/identities", response_model=PageModel[IdentityAnswer])
    @logged_in
    async def list_my_identities(
        caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> Page[IdentityView]:
        """By which identity providers you can come in, the latest first."""
        return await bus.ask(ListIdentities(account_id=caller.subject, limit=limit, cursor=cursor))

    @router.post("/me/identities", status_code=HTTPStatus.CREATED)
    @logged_in
    @throttled("identities", per_minute=LINKS_PER_MINUTE)
    async def link_my_identity(caller: Caller, body: LinkBody) -> IdentityAnswer:
        """Let a provider introduce you from now on: present one of its tokens, and your password."""
        _demand_local_login(caller)
        identity = await link_identity(
            account_id=AccountId(caller.subject),
            current=secret_of(body.current_password),
            token=secret_of(body.token),
            code=secret_of(body.code),
        )
        return IdentityAnswer.model_validate(identity)

    @router.delete("/me/identities/{identity_id}", status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    async def unlink_my_identity(identity_id: UUID, caller: Caller) -> None:
        """Let a provider introduce you no more. Within a second its tokens do not speak for you."""
        _demand_local_login(caller)
        await bus.execute(UnlinkIdentity(account_id=AccountId(caller.subject), identity_id=identity_id))

    return router


def _demand_local_login(caller: Principal) -> None:
    if caller.session is None:
        raise LocalLoginNeeded
