"""What two hosts say to each other about who is believed. Both sides read and write these shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hedgerow_core.questions.replies import TravellingError
from hedgerow_core.security import Permission, Principal, PrincipalKind
from hedgerow_core.security.tokens import MAX_KID_LENGTH, MAX_TOKEN_BYTES

MAX_NAME_LENGTH = 255

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Algorithm = Literal["EdDSA", "ES256", "RS256", "PS256"]
"""Whatever else another host may say of its issuers is not believed: no secret is shared with it."""


class _Document(BaseModel):
    # What is put in may be a key. Hosts without neighbours never build these (ADR 0050).
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)


class _Question(_Document):
    model_config = ConfigDict(defer_build=False)  # FastAPI takes bodies as they are when it builds their routes


class IssuerDocument(_Document):
    """Whose tokens are believed, and of what form they are (see `TokenIssuer`)."""

    issuer: Name
    audience: Name
    algorithms: frozenset[Algorithm]
    types: frozenset[str | None]
    parties: frozenset[str] | None
    confirmed_at_home: bool
    """Whether only its home knows for whom a token speaks."""
    revokes: bool
    """Whether it calls tokens back. Then its news say which."""


class PermissionDocument(_Document):
    """A permission that the context declares."""

    name: Name
    role: Name
    summary: str

    def permission(self) -> Permission:
        """The permission.

        Raises:
            ValueError: there can't be such a one.
        """
        return Permission(self.name, self.role, self.summary)


class IdentityDocument(_Document):
    """Everything by which a context has a say in who may do what."""

    context: Name
    issuers: tuple[IssuerDocument, ...] = ()
    key_prefixes: tuple[Name, ...] = ()
    cookies: tuple[Name, ...] = ()
    """In which access tokens may come."""
    permissions: tuple[PermissionDocument, ...] = ()

    @property
    def vouches(self) -> bool:
        """Whether it vouches for anybody."""
        return bool(self.issuers or self.key_prefixes)


class IssuerNews(_Document):
    """How an issuer stands."""

    keys: tuple[Mapping[str, Any], ...]
    """All its public keys, as JWK (RFC 7517)."""
    revoked: Mapping[UUID, float | None] = {}
    """Accounts and sessions, and up to when their tokens are called back (seconds since 1970); null: for ever."""
    read_s_ago: float | None = None
    """How old the revocations were when this was said; null: nobody knows them."""


class News(_Document):
    """What has changed since somebody asked last."""

    mark: str
    """Where to go on from. It begins with a name that the process has given itself."""
    everything: bool
    """Whether `revoked` are all there are, and not only those that came since."""
    held_s: float
    """How long the question was held back because there was nothing to tell."""
    issuers: Mapping[str, IssuerNews]

    @property
    def told_by(self) -> str:
        """The process that has answered. Another one may have other settings."""
        return self.mark.partition(":")[0]


class NewsQuestion(_Question):
    """Asks for what is new since `seen`; null: for everything."""

    seen: Name | None = None


class SigningKeyQuestion(_Question):
    """Asks for the key that somebody has seen in a token, and that no news have named."""

    issuer: Name
    kid: Annotated[str, Field(min_length=1, max_length=MAX_KID_LENGTH)]


class SigningKeyAnswer(_Document):
    """The key, as JWK; null: the issuer has no such key."""

    key: Mapping[str, Any] | None


class KeyQuestion(_Question):
    """Asks whom an API key speaks for. `network` is where it came from, so that guesses are counted once."""

    key: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_BYTES, repr=False)]
    network: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]


class TokenQuestion(_Question):
    """Asks whom an access token speaks for."""

    token: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_BYTES, repr=False)]


class PrincipalDocument(_Document):
    """A principal as it travels."""

    subject: UUID
    session: UUID | None
    roles: frozenset[str]
    scopes: frozenset[str] | None
    kind: PrincipalKind

    @classmethod
    def of(cls, principal: Principal) -> PrincipalDocument:
        """The document about this principal."""
        return cls(
            subject=principal.subject,
            session=principal.session,
            roles=principal.roles,
            scopes=principal.scopes,
            kind=principal.kind,
        )

    def principal(self) -> Principal:
        """The principal.

        Raises:
            ValueError: there can't be such a one.
        """
        return Principal(
            subject=self.subject, session=self.session, roles=self.roles, scopes=self.scopes, kind=self.kind
        )


class Confirmation(_Document):
    """Whom a key or token speaks for; nobody, if neither is there."""

    principal: PrincipalDocument | None = None
    error: TravellingError | None = None
