"""The USERS_* settings. Nothing else in this context reads the environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, final
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hedgerow_core.domain import Secret
from hedgerow_core.security.server_secret import ServerSecretText
from hedgerow_users.domain.identity_provider import IdentityProvider, providers_in
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.second_factor import SecondFactorPolicy

LONGEST_ACCESS_TOKEN_S = 300
"""Who verifies without our revocations (another service) believes a token until it expires."""

SUBMISSION_PORT, SUBMISSIONS_PORT = 587, 465
"""RFC 6409 and RFC 8314."""
_SMTP_FORM = "expected smtp://user:password@host:587 (?starttls=never where nobody can listen in) or smtps://…"


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where mail is handed over. Printing it never shows the password."""

    host: str
    port: int
    tls: bool
    """From the first byte on (`smtps`)."""
    starttls: bool
    """Demanded, not merely taken if offered: an offer can be cut out of the line (RFC 8314 §5.1)."""
    user: str | None = None
    password: Secret | None = None

    @classmethod
    def parse(cls, url: str) -> SmtpAddress:
        """Read an `smtp://` or `smtps://` URL.

        Raises:
            ValueError: not one; the message says what is expected and quotes nothing.
        """
        try:
            parts = urlsplit(url)
            port, options = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
        except ValueError:
            raise ValueError(_SMTP_FORM) from None
        starttls = options.pop("starttls", ["always"])
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or options or parts.path not in ("", "/"):
            raise ValueError(_SMTP_FORM)
        if starttls not in (["always"], ["never"]):
            raise ValueError("starttls is always or never")
        tls = parts.scheme == "smtps"
        if parts.password and not tls and starttls == ["never"]:
            raise ValueError("a password is not sent in the clear: use smtps://, or leave starttls=never out")
        return cls(
            host=parts.hostname,
            port=port or (SUBMISSIONS_PORT if tls else SUBMISSION_PORT),
            tls=tls,
            starttls=not tls and starttls == ["always"],
            user=unquote(parts.username) if parts.username else None,
            password=Secret(unquote(parts.password)) if parts.password else None,
        )

    def __str__(self) -> str:
        who = f"{self.user}:***@" if self.user else ""
        unguarded = "" if self.tls or self.starttls else "?starttls=never"
        return f"{'smtps' if self.tls else 'smtp'}://{who}{self.host}:{self.port}{unguarded}"


def _smtp(value: object) -> object:
    if isinstance(value, str):
        return SmtpAddress.parse(value) if value else None
    return value


def _roles(value: object) -> object:
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if isinstance(names, list | tuple) and Role.USER in names:
        raise ValueError("user is what a session without a second factor carries, so it can't need one")
    return names


def _providers(value: object) -> object:
    return providers_in(value) if isinstance(value, str) else value


@final
class UsersSettings(BaseSettings):
    """How this context issues tokens, sends mail, and how much hashing it takes on."""

    model_config = SettingsConfigDict(
        env_prefix="USERS_",
        env_ignore_empty=True,
        frozen=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,  # secrets stand in it
    )

    secret: ServerSecretText | None = Field(
        default=None,
        description="32 random characters or more, the same everywhere: openssl rand -hex 32. `dev` makes its own.",
    )
    """What keys are derived from that encrypt signing keys and make refresh tokens (ADR 0014). The same for all
    processes. Outside `dev` nothing starts without it; `dev` makes one, in the file `users_secret` of its data
    folder. `openssl rand -hex 32` makes one.
    """
    secret_previous: ServerSecretText | None = Field(
        default=None, description="What USERS_SECRET was before; needed while it is being replaced."
    )
    """What USERS_SECRET was before: still decrypts, while it is being replaced."""
    issuer: str = Field(
        default="hedgerow-users",
        min_length=1,
        max_length=255,
        description="`iss` of our access tokens. Default hedgerow-users.",
    )
    """`iss` of access tokens."""
    audience: str = Field(
        default="hedgerow",
        min_length=1,
        max_length=255,
        description="`aud` of our access tokens: whoever accepts them. Default hedgerow.",
    )
    """`aud` of access tokens: whoever accepts them."""
    access_token_lifetime_s: int = Field(
        default=LONGEST_ACCESS_TOKEN_S,
        ge=1,
        le=LONGEST_ACCESS_TOKEN_S,
        description="How long an access token is good for, in seconds. Default 300, which is also the most.",
    )
    """How long an access token is good."""
    refresh_token_lifetime_days: int = Field(
        default=30,
        ge=1,
        le=365,
        description="How long a refresh token waits for its one use, in days. Default 30.",
    )
    """How long a refresh token waits for its one use."""
    session_lifetime_days: int = Field(
        default=90,
        ge=1,
        le=365,
        description="How long a session lasts at most, however often it is refreshed, in days. Default 90.",
    )
    """How long a session lasts at most, however often it is refreshed."""
    hashing_queue: int = Field(
        default=16,
        ge=0,
        le=1024,
        description="How many passwords may wait for a hashing thread; the next is answered 503. Default 16.",
    )
    """How many passwords may wait to be hashed, per process; the next is answered 503."""
    smtp_url: Annotated[SmtpAddress | None, NoDecode, BeforeValidator(_smtp)] = Field(
        default=None,
        description="smtp://user:password@host:587 or smtps://…: who takes our mail. Unset: `dev` prints it.",
        examples=["smtp://user:password@host:587", "smtps://user:password@host"],
    )
    """Who takes our mail. `smtp` demands STARTTLS; `?starttls=never` does without, and then takes no password.
    Certificates are verified; an authority of your own goes into `SSL_CERT_FILE`. In a password, `/`, `?`, `#`,
    `@` are written `%2F`, `%3F`, `%23`, `%40`. Unset: `dev` prints mail into its log; `api` and `worker`
    elsewhere refuse to start.
    """
    mail_from: str = Field(
        default="Hedgerow <no-reply@localhost>",
        max_length=320,
        pattern=r"^[^\r\n]+$",
        description="`From` of our mails. Default Hedgerow <no-reply@localhost>.",
        examples=["Name <address>"],
    )
    """`From` of our mails."""
    pages_url: str | None = Field(
        default=None,
        max_length=1024,
        pattern=r"^https?://[^\s?#]+$",
        description="https://app.example.org: your pages for links in mails. Unset: mails carry the code alone.",
        examples=["https://app.example.org"],
    )
    """Your front end: links lead to `verify-email`, `reset-password` and `confirm-email` there, with `#token=…`.
    Unset: mails carry the code alone.
    """
    verify_link_lifetime_s: int = Field(
        default=86_400,
        ge=60,
        le=2_592_000,
        description="How long a link that confirms an address is good for, in seconds. Default 86400, a day.",
    )
    """How long a link that confirms an address, new ones included, is good."""
    reset_link_lifetime_s: int = Field(
        default=1800,
        ge=60,
        le=86_400,
        description="How long a link that sets a new password is good for, in seconds. Default 1800, half an hour.",
    )
    """How long a link that sets a new password is good."""
    require_verified_email: bool = Field(
        default=False,
        description="Whether only who has confirmed the address may log in. Default False.",
    )
    """Whether only who has confirmed the address may log in, make API keys and use them."""
    cookies: bool = Field(
        default=False,
        description="Whether login may set cookies for pages in browsers instead of showing tokens. Default False.",
    )
    """Whether login may set cookies for pages in browsers, instead of showing tokens."""

    second_factor_for: Annotated[tuple[Role, ...] | None, NoDecode, BeforeValidator(_roles)] = Field(
        default=None,
        description="admin,super_admin: roles that a session carries only after a second factor. Unset: none.",
        examples=["admin"],
    )
    """Roles that a session carries only if it began with a second factor; those above them, too. Without one it
    carries `user` alone.
    """

    @property
    def second_factor_policy(self) -> SecondFactorPolicy:
        """`second_factor_for` as the rule that sessions keep."""
        return SecondFactorPolicy(frozenset(self.second_factor_for or ()))

    providers: Annotated[tuple[IdentityProvider, ...] | None, NoDecode, BeforeValidator(_providers)] = Field(
        default=None,
        description='Who else is believed: [{"name": "acme", "issuer": "https://id.example", "audience": "me"}].',
        examples=['[{"name": "acme", "issuer": "https://id.example", "audience": "me"}]'],
    )
    """Identity providers whose tokens are believed, too. Secrets in it are hidden by `hedgerow config show`.
    JSON: a list of objects.
    """

    @property
    def access_token_lifetime(self) -> timedelta:
        """`access_token_lifetime_s` as a duration."""
        return timedelta(seconds=self.access_token_lifetime_s)

    @property
    def refresh_token_lifetime(self) -> timedelta:
        """`refresh_token_lifetime_days` as a duration."""
        return timedelta(days=self.refresh_token_lifetime_days)

    @property
    def session_lifetime(self) -> timedelta:
        """`session_lifetime_days` as a duration."""
        return timedelta(days=self.session_lifetime_days)

    @property
    def verify_link_lifetime(self) -> timedelta:
        """`verify_link_lifetime_s` as a duration."""
        return timedelta(seconds=self.verify_link_lifetime_s)

    @property
    def reset_link_lifetime(self) -> timedelta:
        """`reset_link_lifetime_s` as a duration."""
        return timedelta(seconds=self.reset_link_lifetime_s)
