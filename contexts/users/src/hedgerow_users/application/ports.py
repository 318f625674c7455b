"""What the use cases need from outside: stored accounts and sessions, a hasher, tokens, keys, mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_core.application import Filters, Page, RowScope, UnitOfWork
from hedgerow_core.domain import Secret, UnavailableError
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.identity_ports import Identities, Receipts
from hedgerow_users.application.key_ports import ApiKeys
from hedgerow_users.application.link_ports import Links
from hedgerow_users.application.second_factor_ports import SecondFactors
from hedgerow_users.application.session_view import SessionView
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.session import EndReason, RefreshToken, Session, SessionId


class Accounts(Protocol):
    """The stored accounts, inside one transaction."""

    async def add(self, account: Account) -> None:
        """Store a new account.

        Raises:
            EmailTaken: another account has the address; also when both register at the same moment.
        """
        ...

    async def add_if_free(self, account: Account) -> bool:
        """Store a new account unless its address is taken. Whether it was stored.

        Takes equally long either way. Of several at the same moment, one is stored.
        """
        ...

    async def find(self, id: AccountId) -> Account | None:
        """The account as it is now."""
        ...

    async def has_address(self, email: Email) -> bool:
        """Whether an account has this address, in whatever letter case."""
        ...

    async def hold(self, id: AccountId) -> Account | None:
        """The account, kept from changing until this transaction ends. Others may hold it too."""
        ...

    async def take(self, id: AccountId) -> Account | None:
        """The account, for this transaction alone: waits for all that hold it, and lets nobody hold it."""
        ...

    async def take_super_admins(self) -> Sequence[AccountId]:
        """Every active super_admin, locked until this transaction ends."""
        ...

    async def save(self, account: Account) -> None:
        """Store a changed account.

        Raises:
            ConflictError: `concurrent_change`, somebody else saved it since it was read.
        """
        ...

    async def renew_password_hash(self, id: AccountId, *, outdated: PasswordHash, renewed: PasswordHash) -> None:
        """Store another hash of the same password, if `outdated` is still what is stored."""
        ...


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


class RegistrationWarnings(Protocol):
    """Which owners were warned that somebody registers with their address. Outside transactions."""

    async def claim(self, account_id: AccountId, request_id: UUID, *, at: datetime) -> Email | None:
        """The address to warn; None if the owner has been warned just now, or the account is not active.

        Safe to repeat: the same request may claim again.
        """
        ...


class Revocations(Protocol):
    """Access tokens that are no longer to be believed, though they have not expired."""

    async def revoke(self, subject: UUID, *, at: datetime) -> None:
        """Have access tokens of a session or an account refused that were issued before this moment.

        Takes effect on every node within a second of the commit. Who wants to shut an account out ends its
        sessions instead (`Sessions.end_all`): that also holds against a node whose clock is ahead.
        """
        ...


class UsersUnitOfWork(UnitOfWork, Protocol):
    """One transaction of this context."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The sessions."""
        ...

    @property
    def revocations(self) -> Revocations:
        """The revoked access tokens."""
        ...

    @property
    def links(self) -> Links:
        """The links."""
        ...

    @property
    def second_factors(self) -> SecondFactors:
        """The second factors."""
        ...

    @property
    def api_keys(self) -> ApiKeys:
        """The API keys, and the services."""
        ...

    @property
    def identities(self) -> Identities:
        """The identities."""
        ...

    @property
    def receipts(self) -> Receipts:
        """The webhooks that were acted upon."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a password is checked against."""

    account_id: AccountId
    password_hash: PasswordHash | None


class AccountReader(Protocol):
    """Reads accounts outside of any transaction, one statement a call."""

    async def view(self, id: UUID) -> AccountView | None:
        """What its owner, or an administrator, sees; also of an account that is not active."""
        ...

    async def credentials_of_email(self, email: Email) -> Credentials | None:
        """The credentials of the account with this address."""
        ...

    async def credentials_of(self, id: AccountId) -> Credentials | None:
        """The credentials of an account."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts a list shows; what is None filters nothing."""

    filters: Filters = ()
    """On columns. Without one on `status`: all that are not deleted. `email` is compared in any letter case."""
    role: Role | None = None
    search: str | None = None
    """Part of the name or the address, in whatever letter case."""


class AccountDirectory(Protocol):
    """Lists accounts for administrators, outside of any transaction, one statement a page."""

    async def list(self, wanted: AccountFilter, *, sort: str, cursor: str | None, limit: int) -> Page[AccountView]:
        """A page, sorted by `created_at`, `name` or `email`.

        Raises:
            ValidationError: an unknown sort key, or a cursor made under another one.
        """
        ...


class RefreshSuccessors(Protocol):
    """Makes the next refresh token out of the presented one, with a secret that only the server has."""

    def of(self, presented: Secret) -> Sequence[Secret]:
        """Always the same: first the one to issue, then any that was issued under a secret before."""
        ...


class PasswordHasher(Protocol):
    """Hashes passwords: slow on purpose, so never to be called while a transaction is open."""

    def demand_room(self) -> None:
        """Pass if a password could wait to be hashed right now: for who would rather refuse before anything else.

        Raises:
            HashingBusy: too many are waiting already.
        """
        ...

    async def hash(self, password: Password) -> PasswordHash:
        """Hash with a fresh salt.

        Raises:
            HashingBusy: too many are waiting already.
        """
        ...

    def is_outdated(self, known: PasswordHash) -> bool:
        """Whether it was made with other parameters than we hash with now. Costs nothing."""
        ...

    async def matches(self, password: Password, known: PasswordHash | None) -> bool:
        """Whether the password is the hashed one. Takes equally long, and says no, when nothing is known.

        Raises:
            HashingBusy: too many are waiting already.
        """
        ...


class HashingBusy(UnavailableError):
    """More passwords wait to be hashed than we let wait."""

    code = "users.hashing_busy"

    def __init__(self) -> None:
        super().__init__(
            "Too many people are logging in at this moment. Try again shortly.", retry_after=timedelta(seconds=1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A signed token and how long it is good for."""

    token: Secret
    lifetime: timedelta


class AccessTokens(Protocol):
    """Issues access tokens. Called outside of transactions; reads the signing key on first need."""

    async def issue(self, *, account_id: AccountId, session_id: SessionId, roles: Sequence[str]) -> AccessToken:
        """A token that speaks for the account, good from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An Ed25519 public key: its name, and the key itself in base64url (`x` of RFC 8037 §2)."""

    kid: str
    x: str


class PublicKeys(Protocol):
    """The keys that access tokens of this context may be signed with. Called outside of transactions."""

    async def published(self) -> Sequence[PublicKey]:
        """All of them; never empty."""
        ...


class RevocationsUnknown(UnavailableError):
    """We could not learn for some seconds whose access tokens have been revoked, so we believe none."""

    code = "users.revocations_unknown"

    def __init__(self) -> None:
        super().__init__(
            "Access tokens can't be checked right now. Try again shortly.", retry_after=timedelta(seconds=1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A mail to one reader, in plain text. It may hold a link that opens an account, so it is never printed."""

    to: Email
    subject: str
    text: str = field(repr=False)


class Mailer(Protocol):
    """Hands mail over to whoever delivers it. Called by tasks, outside of transactions; may repeat a mail."""

    async def send(self, message: Message) -> None:
        """Hand it over; returns once the other side has taken it.

        Raises:
            MailNotSent: it was not taken, so far as we know.
        """
        ...


class MailNotSent(UnavailableError):
    """Whoever takes our mail is away, or refused this one. Its task tries again; no answer ever says so."""

    code = "users.mail_not_sent"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The mail was not taken: {why}. Look at USERS_SMTP_URL.", retry_after=timedelta(minutes=1)
        )
