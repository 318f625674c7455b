"""What the use cases need to keep sessions, and to have everybody know which have ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_core.application import Page, RowScope
from hedgerow_core.domain import Secret, UnavailableError
from hedgerow_users.application.session_view import SessionView
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.session import EndReason, RefreshToken, Session, SessionId


class Sessions(Protocol):
    """The stored sessions and their refresh tokens, inside one transaction."""

    async def add(self, session: Session) -> None:
        """Store a session that has just begun."""
        ...

    async def hold(self, id: SessionId, rows: RowScope) -> Session | None:
        """The session if it is within reach, locked until this transaction ends."""
        ...

    async def see(self, id: SessionId, client: Client, *, at: datetime) -> Session:
        """Note from where the session is used just now; locks it, too."""
        ...

    async def hold_family(self, token_hash: bytes) -> Session | None:
        """The session that the token belongs to, used or not, locked; None if we never issued such a token."""
        ...

    async def save(self, session: Session) -> None:
        """Store a session that has been ended, and revoke its access tokens. It must be held."""
        ...

    async def end_all(self, account_id: AccountId, reason: EndReason, *, at: datetime) -> None:
        """End every live session of an account, and revoke their access tokens."""
        ...

    async def end_others(self, kept: SessionId, account_id: AccountId, reason: EndReason, *, at: datetime) -> None:
        """End every live session of an account but one, and revoke their access tokens."""
        ...

    async def end_everybody(self, reason: EndReason, *, at: datetime, not_before: datetime) -> int:
        """End every live session, and refuse every access token that was issued before `not_before`.

        Returns how many sessions there were.
        """
        ...

    async def forget_clients(self, account_id: AccountId) -> None:
        """Forget from where the sessions of an account were used, those that have ended included."""
        ...

    async def prune(self, *, ended_before: datetime, started_before: datetime, at_most: int) -> int:
        """Delete sessions that ended or started before, with their tokens; how many. What is locked stays."""
        ...

    async def prune_tokens(self, *, expired_before: datetime, at_most: int) -> int:
        """Delete refresh tokens that expired before; how many. What is locked stays."""
        ...

    async def add_token(self, token: RefreshToken) -> None:
        """Remember a token that has just been issued."""
        ...

    async def find_token(self, token_hash: bytes) -> RefreshToken | None:
        """What is remembered of a token; None if we never issued it."""
        ...

    async def redeem(self, token_hash: bytes, client: Client, *, at: datetime) -> RefreshToken | None:
        """Use up a token: of any number of callers at once, one gets it. None if it is unknown or used."""
        ...


class KnownNetworks(Protocol):
    """Where accounts have logged in from. A place is the hash of an account and a network. Outside transactions."""

    async def knows(self, place: bytes, *, since: datetime) -> bool:
        """Whether there was a login since then."""
        ...

    async def remember(self, place: bytes, *, at: datetime, forget_before: datetime) -> None:
        """There was one now. What nobody has logged in from since `forget_before` is dropped. Safe to repeat."""
        ...


class Revocations(Protocol):
    """Access tokens that are no longer to be believed, though they have not expired."""

    async def revoke(self, subject: UUID, *, at: datetime) -> None:
        """Have access tokens of a session or an account refused that were issued before this moment.

        Takes effect on every node within a second of the commit. Who wants to shut an account out ends its
        sessions instead (`Sessions.end_all`): that also holds against a node whose clock is ahead.
        """
        ...


class SessionReader(Protocol):
    """Reads sessions outside of any transaction."""

    async def list_live(
        self,
        account_id: UUID,
        *,
        seen_after: datetime,
        at: datetime,
        lifetime: timedelta,
        cursor: str | None,
        limit: int,
    ) -> Page[SessionView]:
        """A page of the account's sessions that have not ended and were used since then, the latest login first.

        `lifetime` is what a session has from its login on, `at` is now.

        Raises:
            ValidationError: the cursor is not one of this list.
        """
        ...


class RefreshSuccessors(Protocol):
    """Makes the next refresh token out of the presented one, with a secret that only the server has."""

    def of(self, presented: Secret) -> Sequence[Secret]:
        """Always the same: first the one to issue, then any that was issued under a secret before."""
        ...


class RevocationsUnknown(UnavailableError):
    """For 5 s nobody could read whose access tokens were revoked, so none is believed.

    Fix: wait for `Retry-After`; operators: look after the database.
    """

    code = "users.revocations_unknown"

    def __init__(self) -> None:
        super().__init__(
            "Access tokens can't be checked right now. Try again shortly.", retry_after=timedelta(seconds=1)
        )
