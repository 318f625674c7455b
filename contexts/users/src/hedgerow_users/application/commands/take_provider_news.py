"""Take over what a provider tells of somebody: in whatever order and how often it comes, the newest holds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.commands.provision_account import open_account_for
from hedgerow_users.application.ending import end_for_good
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountStatus
from hedgerow_users.domain.administration_errors import SuperAdminImmutable
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.identity import Identity

REMEMBERED = timedelta(days=3)
"""Senders repeat what they could not deliver, under the same id and a new timestamp, for a day or two."""


class News(Enum):
    """What a provider tells."""

    DESCRIBED = auto()
    """Somebody is there, and this is known of them: created and updated are the same, as either may come first."""
    DELETED = auto()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProviderNews(Command[None]):
    """Take over a webhook that was found good. Internal: the edge calls `ReceiveWebhook`."""

    webhook_id: str
    news: News
    introduced: Introduction


@final
class TakeProviderNewsHandler:
    """Notes the webhook, then changes identity and account, all in one transaction: never twice, never by half."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: TakeProviderNews, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            EmailTaken, IdentityTaken, ConflictError: somebody was faster; the same again will find what they did.
        """
        introduced, now = command.introduced, self._clock.now()
        is_new = await work.receipts.note(
            introduced.provider, command.webhook_id, at=now, forget_before=now - REMEMBERED
        )
        if not is_new:
            return
        known = await work.identities.hold(introduced.provider, introduced.subject)
        identity = known or Identity.of(introduced.provider, introduced.subject, at=now)
        if command.news is News.DELETED:
            await _end(identity, work, at=now)
        else:
            await _describe(identity, introduced, work, at=now)
        await work.identities.save(identity)


async def _end(identity: Identity, work: UsersUnitOfWork, *, at: datetime) -> None:
    """Let nobody in by it any more. An account that nobody else can get into ends with it (ADR 0016)."""
    account = await work.accounts.find(identity.account_id) if identity.account_id else None
    if account is not None and not identity.is_over and await _is_the_only_way(identity, account, work):
        with suppress(SuperAdminImmutable):  # it stays, and its owner sets a password by mail
            await end_for_good(account, work, at=at)
    identity.end(at=at)


async def _is_the_only_way(identity: Identity, account: Account, work: UsersUnitOfWork) -> bool:
    if account.status is AccountStatus.DELETED or account.password_hash is not None:
        return False
    return all(other.id == identity.id for other in await work.identities.hold_all_of(account.id))


async def _describe(identity: Identity, introduced: Introduction, work: UsersUnitOfWork, *, at: datetime) -> None:
    was_told = identity.email
    if not identity.hear(introduced.email, as_of=introduced.as_of):
        return
    if identity.account_id is None:
        if introduced.email is not None and not await work.accounts.has_address(introduced.email):
            await open_account_for(identity, introduced, work, at=at)
        return
    account = await work.accounts.find(identity.account_id)
    if account is not None and _follows(account, was_told) and await _follow(account, introduced, work, at=at):
        await work.accounts.save(account)


def _follows(account: Account, was_told: Email | None) -> bool:
    """An account with a password is its owner's; and one that has another address by now has gone its own way."""
    return (
        account.status is not AccountStatus.DELETED and account.password_hash is None and account.email == was_told
    )


async def _follow(account: Account, introduced: Introduction, work: UsersUnitOfWork, *, at: datetime) -> bool:
    """Take the provider's name and address. Whether that changed anything."""
    email, renamed = introduced.email, False
    if introduced.name is not None:
        renamed = account.describe(introduced.name, account.profile, at=at)
    if email is None or email == account.email or await work.accounts.has_address(email):
        return renamed
    account.change_email(email, at=at)
    await work.links.forget(account.id)  # those to the old address
    return True
