"""Answer a registration by mail: the newcomer gets a link, and who has had the address for long gets a warning.

The request that records this task does not know which of the two it will be, so it takes equally long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final
from uuid import UUID

from hedgerow_core.application import Task
from hedgerow_core.domain import Clock
from hedgerow_users.application.account_ports import AccountReader, RegistrationWarnings
from hedgerow_users.application.mail_ports import Mailer
from hedgerow_users.application.mails import warning_of_registration
from hedgerow_users.application.tasks.send_link import SendLink, SendLinkHandler
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRegistration(Task):
    """What is in the ledger: who registered, and no secret."""

    name: ClassVar[str] = "users.answer_registration"

    request_id: UUID
    account_id: UUID
    """The account that was opened, if the address was free."""
    email: str


@final
class AnswerRegistrationHandler:
    """Finds out whose address it is, then mails. `mailer` is called for the mailer when the first mail leaves."""

    def __init__(
        self,
        *,
        accounts: AccountReader,
        warnings: RegistrationWarnings,
        send_link: SendLinkHandler,
        mailer: Callable[[], Mailer],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._warnings = warnings
        self._send_link = send_link
        self._mailer = mailer
        self._clock = clock

    async def call(self, task: AnswerRegistration) -> None:
        """Mail a link or a warning, outside of the task's transaction. An owner is warned once an hour at most.

        Raises:
            MailNotSent: the ledger tries again.
        """
        owner = await self._accounts.credentials_of_email(Email(task.email))
        if owner is None:
            return  # deleted meanwhile
        if owner.account_id == task.account_id:
            link = SendLink(request_id=task.request_id, purpose=Purpose.VERIFY_EMAIL, email=task.email)
            await self._send_link.call(link)
        else:
            await self._warn(owner.account_id, task.request_id)

    async def apply(self, task: AnswerRegistration, answer: None, work: UsersUnitOfWork) -> None:
        """The mail is out; there is nothing to record."""

    async def _warn(self, account_id: AccountId, request_id: UUID) -> None:
        to = await self._warnings.claim(account_id, request_id, at=self._clock.now())
        if to is not None:
            await self._mailer().send(warning_of_registration(to))
