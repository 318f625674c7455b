"""The routes by which administrators look after accounts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from hedgerow_core.application import DEFAULT_LIMIT, Bus, Filters, Page
from hedgerow_core.http import (
    Caller,
    ContextRouter,
    Filterable,
    FilterField,
    IfMatch,
    Limit,
    NextPage,
    PageModel,
    SortOrder,
    permitted,
    tagged,
)
from hedgerow_users.application.account_ports import AccountFilter
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.create_account import CreateAccount
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.delete_account import DeleteAccount
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.reset_second_factor import ResetSecondFactor
from hedgerow_users.application.commands.update_account import UpdateAccount
from hedgerow_users.application.queries.list_accounts import NEWEST_FIRST, ListAccounts
from hedgerow_users.application.queries.look_up_account import LookUpAccount
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.roles import Role
from hedgerow_users.interfaces.http import CONTEXT
from hedgerow_users.interfaces.profile_schemas import NewAccountBody, ProfilePatchBody, RolesBody
from hedgerow_users.interfaces.schemas import AccountAnswer

MAX_SEARCH = 200

ACCOUNTS = Filterable(
    email=FilterField.text(),
    name=FilterField.text(),
    status=FilterField.choice(AccountStatus),
    created_at=FilterField.moment(),
    updated_at=FilterField.moment(),
    verified_at=FilterField.moment(nullable=True),
).beside("role", "q")
AccountFilters = Annotated[Filters, Depends(ACCOUNTS.read)]
RoleFilter = Annotated[Role | None, Query(description="Only accounts that have this role.")]
Search = Annotated[
    str | None,
    Query(min_length=1, max_length=MAX_SEARCH, pattern=r"^[^\x00]*$", description="Part of the name or address."),
]


def administration_router(bus: Bus) -> ContextRouter:
    """Accounts of others. What a role may do to which account is decided behind the routes."""
    router = ContextRouter(CONTEXT)

    @router.get("/accounts", response_model=PageModel[AccountAnswer], openapi_extra=ACCOUNTS.openapi())
    @permitted("users:account:list")
    async def list_accounts(
        filters: AccountFilters,
        role: RoleFilter = None,
        q: Search = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: NextPage = None,
        sort: SortOrder = NEWEST_FIRST,
    ) -> Page[AccountView]:
        """List accounts, sorted by `created_at`, `name` and `email`. Unless told: none that is deleted."""
        wanted = AccountFilter(filters=filters, role=role, search=q)
        return await bus.ask(ListAccounts(wanted=wanted, limit=limit, cursor=cursor, sort=sort))

    @router.post("/accounts", status_code=HTTPStatus.CREATED)
    @permitted("users:account:create")
    async def create_account(caller: Caller, body: NewAccountBody, response: Response) -> AccountAnswer:
        """Open an account without a password. Its owner gets a mail, and sets one."""
        account = await bus.execute(
            CreateAccount(
                actor_id=AccountId(caller.subject), email=body.email, name=body.name, roles=frozenset(body.roles)
            )
        )
        response.headers["Location"] = f"{router.prefix}/accounts/{account.id}"
        return tagged(response, AccountAnswer.of(account))

    @router.get("/accounts/{account_id}")
    @permitted("users:account:read")
    async def get_account(account_id: UUID, response: Response) -> AccountAnswer:
        """Look at an account, also at one that is closed or deleted."""
        return tagged(response, AccountAnswer.of(await bus.ask(LookUpAccount(account_id=account_id))))

    @router.patch("/accounts/{account_id}")
    @permitted("users:account:update")
    async def update_account(
        caller: Caller, account_id: UUID, body: ProfilePatchBody, expected: IfMatch, response: Response
    ) -> AccountAnswer:
        """Change somebody's name and profile. What is absent stays, null clears."""
        command = UpdateAccount(
            actor_id=AccountId(caller.subject),
            account_id=AccountId(account_id),
            patch=body.patch(),
            expected=expected,
        )
        return tagged(response, AccountAnswer.of(await bus.execute(command)))

    @router.delete("/accounts/{account_id}", status_code=HTTPStatus.NO_CONTENT)
    @permitted("users:account:delete")
    async def delete_account(caller: Caller, account_id: UUID, expected: IfMatch) -> None:
        """Delete an account for good. Its id stays, its address is free again."""
        command = DeleteAccount(
            actor_id=AccountId(caller.subject), account_id=AccountId(account_id), expected=expected
        )
        await bus.execute(command)

    @router.post("/accounts/{account_id}/deactivate")
    @permitted("users:account:deactivate")
    async def deactivate_account(
        caller: Caller, account_id: UUID, expected: IfMatch, response: Response
    ) -> AccountAnswer:
        """Close an account: its sessions end, and nobody logs in to it."""
        command = DeactivateAccount(
            actor_id=AccountId(caller.subject), account_id=AccountId(account_id), expected=expected
        )
        return tagged(response, AccountAnswer.of(await bus.execute(command)))

    @router.post("/accounts/{account_id}/reactivate")
    @permitted("users:account:deactivate")
    async def reactivate_account(
        caller: Caller, account_id: UUID, expected: IfMatch, response: Response
    ) -> AccountAnswer:
        """Open a closed account again."""
        command = ReactivateAccount(
            actor_id=AccountId(caller.subject), account_id=AccountId(account_id), expected=expected
        )
        return tagged(response, AccountAnswer.of(await bus.execute(command)))

    @router.delete("/accounts/{account_id}/second-factor", status_code=HTTPStatus.NO_CONTENT)
    @permitted("users:second_factor:reset")
    async def reset_second_factor(caller: Caller, account_id: UUID) -> None:
        """Remove the second factor of somebody who has lost it. Ends all their sessions; they are told by mail."""
        await bus.execute(ResetSecondFactor(actor_id=AccountId(caller.subject), account_id=AccountId(account_id)))

    @router.post("/accounts/{account_id}/roles")
    @permitted("users:role:assign")
    async def assign_roles(
        caller: Caller, account_id: UUID, body: RolesBody, expected: IfMatch, response: Response
    ) -> AccountAnswer:
        """Give an account these roles, and no others. Its sessions end."""
        command = AssignRoles(
            actor_id=AccountId(caller.subject),
            account_id=AccountId(account_id),
            roles=frozenset(body.roles),
            expected=expected,
        )
        return tagged(response, AccountAnswer.of(await bus.execute(command)))

    return router
