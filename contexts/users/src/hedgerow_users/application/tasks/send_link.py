"""Mail a link to whom it may concern: the task finds out whether that is anybody.

A request that names an address only records this task, so its answer costs the same work whether or not the address
has an account. The code of a link is made here, just before it is mailed: the ledger never holds one, the database
holds its hash alone, and a repeated attempt replaces the code of the one before, whose mail may have been lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, final
from uuid import UUID

from hedgerow_core.application import Task
from hedgerow_core.domain import Clock, new_id
from hedgerow_users.application.link_ports import LinkMint, LinkRequest
from hedgerow_users.application.mail_ports import Mailer
from hedgerow_users.application.mails import mail_with_link
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose, hash_of, new_code

ONE_REQUEST_S = 10
"""Requests for one address in the same ten seconds are one task, so that nobody fills the ledger with them."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SendLink(Task):
    """What is in the ledger: who asked for what, and no secret."""

    name: ClassVar[str] = "users.send_link"

    request_id: UUID
    purpose: Purpose
    email: str
    account_id: UUID | None = None


@final
class SendLinkHandler:
    """Mints the link and mails it. `mailer` is called for the mailer when the first mail leaves."""

    def __init__(
        self,
        *,
        links: LinkMint,
        mailer: Callable[[], Mailer],
        clock: Clock,
        lifetimes: Mapping[Purpose, timedelta],
        pages_url: str | None,
    ) -> None:
        self._links = links
        self._mailer = mailer
        self._clock = clock
        self._lifetimes = lifetimes
        self._pages_url = pages_url

    async def call(self, task: SendLink) -> None:
        """Mint and mail, outside of the task's transaction. Nothing happens if nobody is to get a mail.

        Raises:
            MailNotSent: the ledger tries again.
        """
        request = LinkRequest(
            id=task.request_id,
            purpose=task.purpose,
            email=Email(task.email),
            account_id=AccountId(task.account_id) if task.account_id else None,
        )
        code, lifetime = new_code(), self._lifetimes[task.purpose]
        to = await self._links.mint(request, hash_of(code), at=self._clock.now(), lifetime=lifetime)
        if to is None:
            return
        await self._mailer().send(
            mail_with_link(to, task.purpose, code, lifetime=lifetime, pages_url=self._pages_url)
        )

    async def apply(self, task: SendLink, answer: None, work: UsersUnitOfWork) -> None:
        """The mail is out; there is nothing to record."""


async def ask_for_link(work: UsersUnitOfWork, purpose: Purpose, email: Email, *, at: datetime) -> None:
    """Have a link mailed to the owner of an address, if it has one. Asked again at once, it is one request."""
    await work.tasks.enqueue(
        SendLink(request_id=new_id(), purpose=purpose, email=email.address),
        key=f"{purpose}:{email.identity}:{moment_of(at)}",
    )


def moment_of(at: datetime) -> int:
    """Requests for one address that share it are one request."""
    return int(at.timestamp()) // ONE_REQUEST_S
