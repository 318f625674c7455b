"""What every act of administration begins with: who acts, on whom, and whether they may."""

from __future__ import annotations

from hedgerow_users.application.ports import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.authority import Deed, demand_authority
from hedgerow_users.domain.errors import AccountGone, AccountNotFound


async def actor_of(work: UsersUnitOfWork, id: AccountId) -> Account:
    """Who acts, with the roles of this moment: a token may be minutes old, and roles are taken away.

    Held, so that they stay until the act is committed.

    Raises:
        AccountGone: nobody any more.
    """
    actor = await work.accounts.hold(id)
    if actor is None or not actor.is_active:
        raise AccountGone
    return actor


async def target_of(work: UsersUnitOfWork, actor: Account, deed: Deed, id: AccountId) -> Account:
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
