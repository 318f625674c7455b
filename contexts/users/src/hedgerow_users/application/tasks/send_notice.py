"""Tell the owner of an account what has just happened to it: if it wasn't the owner, the owner learns of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

from hedgerow_core.application import Task
from hedgerow_users.application.mail_ports import Mailer
from hedgerow_users.application.mails import Notice, notice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.email import Email


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SendNotice(Task):
    """Recorded together with the change."""

    name: ClassVar[str] = "users.send_notice"

    email: str
    about: Notice = Notice.NEW_ADDRESS


@final
class SendNoticeHandler:
    """Mails the notice. A repeated attempt mails it again, which harms nobody."""

    def __init__(self, *, mailer: Callable[[], Mailer]) -> None:
        self._mailer = mailer

    async def call(self, task: SendNotice) -> None:
        """Mail it, outside of any transaction.

        Raises:
            MailNotSent: the ledger tries again.
        """
        await self._mailer().send(notice(Email(task.email), task.about))

    async def apply(self, task: SendNotice, answer: None, work: UsersUnitOfWork) -> None:
        """The mail is out; there is nothing to record."""
