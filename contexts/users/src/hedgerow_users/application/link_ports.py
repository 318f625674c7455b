"""What the use cases around mailed links need from outside: a place for links, and somebody who makes them good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Link, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """Somebody wants a link mailed to an address."""

    id: UUID
    purpose: Purpose
    email: Email
    account_id: AccountId | None = None
    """Whose owner asked, where that is known and a place is reserved. None: whose address it is, if anybody's."""


class Links(Protocol):
    """The links in mails, inside one transaction."""

    async def reserve(self, request: LinkRequest, *, at: datetime) -> bool:
        """Make room for the link of a request; False if the account has had a mail of this kind just now."""
        ...

    async def issue(self, link: Link, purpose: Purpose, hash: bytes, *, at: datetime, lifetime: timedelta) -> None:
        """Make a link good that no mail carries, in place of the account's last one of this purpose."""
        ...

    async def redeem(self, hash: bytes, purpose: Purpose, *, at: datetime) -> Link | None:
        """Use up a link: of any number of callers at once, one gets it. None if it is not, or no longer, good."""
        ...

    async def forget(self, account_id: AccountId) -> None:
        """Drop every link of an account, those that wait for their mail included."""
        ...


class LinkMint(Protocol):
    """Makes links good, outside of any transaction."""

    async def mint(self, request: LinkRequest, hash: bytes, *, at: datetime, lifetime: timedelta) -> Email | None:
        """Replace the link of a request; the address to mail it to, or None if nobody is to get a mail.

        Safe to repeat: the same request replaces its own link as long as nobody has used it.
        """
        ...

    async def owner_of(self, hash: bytes, purpose: Purpose, *, at: datetime) -> AccountId | None:
        """Whose link it is, if it could be redeemed now."""
        ...
