"""Identities: what an identity provider knows somebody by, and which account of ours that is."""

from __future__ import annotations

from datetime import datetime
from typing import NewType, final
from uuid import UUID

from hedgerow_core.domain import Entity, new_id
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.identity_errors import IdentityTaken

IdentityId = NewType("IdentityId", UUID)


@final
class Identity(Entity[IdentityId]):
    """A subject of a provider. That no two are the same is kept by the database.

    Without an account, it is somebody of whom we have only heard. One that has ended stays as it is: what comes
    late must not bring it back.
    """

    __slots__ = ("account_id", "created_at", "email", "ended_at", "provider", "source_updated_at", "subject")

    def __init__(
        self,
        id: IdentityId,
        *,
        provider: str,
        subject: str,
        created_at: datetime,
        account_id: AccountId | None = None,
        email: Email | None = None,
        source_updated_at: datetime | None = None,
        ended_at: datetime | None = None,
    ) -> None:
        super().__init__(id)
        self.provider = provider
        self.subject = subject
        self.created_at = created_at
        self.account_id = account_id
        self.email = email
        """The confirmed address that the provider has last told us."""
        self.source_updated_at = source_updated_at
        """How old that is, by the provider's clock."""
        self.ended_at = ended_at

    @classmethod
    def of(cls, provider: str, subject: str, *, at: datetime) -> Identity:
        """Somebody of whom we have not heard before."""
        return cls(IdentityId(new_id()), provider=provider, subject=subject, created_at=at)

    @property
    def is_over(self) -> bool:
        """Whether nobody is let in by it any more."""
        return self.ended_at is not None

    def belong_to(self, account_id: AccountId) -> None:
        """Stand for this account.

        Raises:
            IdentityTaken: it stands for another one, or has ended.
        """
        if self.is_over or self.account_id not in (None, account_id):
            raise IdentityTaken
        self.account_id = account_id

    def hear(self, email: Email | None, *, as_of: datetime | None) -> bool:
        """Take what the provider says. Whether it was news: the older never overwrites the newer."""
        known = self.source_updated_at
        if self.is_over or (known is not None and (as_of is None or as_of <= known)):
            return False
        self.email, self.source_updated_at = email or self.email, as_of
        return True

    def end(self, *, at: datetime) -> None:
        """Let nobody in any more. What is personal is forgotten; the subject stays, to be refused."""
        if not self.is_over:
            self.ended_at, self.email = at, None
