"""What every act of administration begins with: who acts, on whom, and whether they may."""

from __future__ import annotations

from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.account_errors import AccountGone, AccountNotFound
from hedgerow_users.domain.administration_errors import LastSuperAdmin
from hedgerow_users.domain.authority import ActorId, Deed, Operator, demand_authority
from hedgerow_users.domain.roles import RANK_OF_SUPER_ADMINS, rank_of


async def actor_of(work: UsersUnitOfWork, id: ActorId) -> Account | Operator:
    """Who acts, with the roles of this moment: a token may be minutes old, and roles are taken away.

    Held, so that they stay until the act is committed.

    Raises:
        AccountGone: nobody any more.
    """
    if isinstance(id, Operator):
        return id
    actor = await work.accounts.hold(id)
    if actor is None or not actor.is_active:
        raise AccountGone
    return actor


async def target_of(work: UsersUnitOfWork, actor: Account | Operator, deed: Deed, id: AccountId) -> Account:
    """The account that it is done to.

    Raises:
        AccountNotFound: there is none.
        NotYourself, SuperAdminImmutable, OutranksYou: the actor may not do it.
    """
    target = await work.accounts.find(id)
    if target is None:
        raise AccountNotFound
    demand_authority(actor, deed, target)
    return target


async def demand_another_super_admin(work: UsersUnitOfWork, account: Account) -> None:
    """Let a super_admin be unmade or shut out if another one stays.

    All of them are held until the act is committed: of two who are unmade at the same moment, one stays.

    Raises:
        LastSuperAdmin: it is the only active one.
    """
    if rank_of(account.roles) < RANK_OF_SUPER_ADMINS:
        return
    if not set(await work.accounts.take_super_admins()) - {account.id}:
        raise LastSuperAdmin
