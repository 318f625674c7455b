"""Ask for a link by mail, with nothing but an address. Nobody learns from it whether the address has an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.tasks.send_link import ask_for_link
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account_errors import InvalidEmail
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLink(Command[None]):
    """Mail a link to this address, if it has an account that needs one."""

    purpose: Purpose
    email: str


@final
class RequestLinkHandler:
    """Records a task, and looks nothing up: known and unknown addresses are answered alike, in the same time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RequestLink, work: UsersUnitOfWork) -> None:
        """Handle the command. What is no address has no account, and is passed over in silence."""
        try:
            email = Email.written(command.email)
        except InvalidEmail:
            return
        await ask_for_link(work, command.purpose, email, at=self._clock.now())
