"""How an account ends, whoever asks for it."""

from __future__ import annotations

from datetime import datetime

from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.session import EndReason


async def end_for_good(account: Account, work: UsersUnitOfWork, *, at: datetime) -> None:
    """Delete the account, its links and second factor, revoke its keys, end its identities and all its sessions.

    Nor is it remembered from where they were used.

    Raises:
        AccountDeleted: it is gone already.
        SuperAdminImmutable: a super_admin is never deleted.
    """
    account.delete(at=at)
    await work.identities.end_all_of(account.id, at=at)
    await work.accounts.save(account)
    await work.links.forget(account.id)
    await work.second_factors.remove(account.id)
    await work.api_keys.revoke_all(account.id, at=at)
    await work.sessions.end_all(account.id, EndReason.ACCOUNT_DELETED, at=at)
    await work.sessions.forget_clients(account.id)
