"""What goes over the wire: bounded, and nothing that we don't name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr

from hedgerow_core.http import HttpModel
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.session_tokens import SessionTokens
from hedgerow_users.application.session_view import SessionView
from hedgerow_users.application.token_ports import PublicKey
from hedgerow_users.domain import email, name, password
from hedgerow_users.domain.account import AccountStatus

MAX_PRESENTED = 1024
"""Of what is only compared, such as a login: bounded, but by no rule that tells what could be right."""

_PASSWORD_EXAMPLE = "correct horse battery staple"  # noqa: S105

ChosenPassword = Annotated[
    SecretStr,
    Field(
        min_length=password.MIN_LENGTH,
        max_length=password.MAX_LENGTH,
        description="8 to 128 characters, any of them.",
        examples=[_PASSWORD_EXAMPLE],
    ),
]
PresentedPassword = Annotated[SecretStr, Field(max_length=MAX_PRESENTED, examples=[_PASSWORD_EXAMPLE])]

MAX_CODE = 64
PresentedCode = Annotated[
    SecretStr,
    Field(max_length=MAX_CODE, description="Six digits, or a recovery code.", examples=["123456"]),
]

CODE_IF_ANY = Field(default=None, description="Of the second factor, if the account has one.")


class Body(BaseModel):
    """What a request carries: nothing that we don't name, and nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RegisterBody(Body):
    """What a newcomer chooses."""

    email: str = Field(
        max_length=email.MAX_LENGTH,
        description="Compared without regard to letter case.",
        examples=["ada@example.org"],
    )
    password: ChosenPassword
    name: str = Field(min_length=1, max_length=name.MAX_LENGTH, examples=["Ada Lovelace"])


class LoginBody(Body):
    """What somebody knows who has an account."""

    email: str = Field(max_length=MAX_PRESENTED, examples=["ada@example.org"])
    password: PresentedPassword
    code: PresentedCode | None = CODE_IF_ANY
    cookies: bool = Field(
        default=False, description="For pages in browsers: set cookies instead of showing tokens."
    )


class RefreshTokenBody(Body):
    """A refresh token, as login or refresh gave it out."""

    refresh_token: SecretStr = Field(
        max_length=MAX_PRESENTED, examples=["Zq3vN0hJ6m1yqk2l0kz5k3rT1bX9c8uE7wA4sD2fG0I"]
    )


class PasswordChangeBody(Body):
    """The password as it is and as it shall be."""

    current_password: PresentedPassword
    new_password: ChosenPassword
    code: PresentedCode | None = CODE_IF_ANY


SecondFactorNeed = Annotated[
    Literal["required"] | None,
    Field(description="`required`: the session carries `user` alone until it begins with a second factor."),
]


class RegistrationAnswer(HttpModel):
    """What everybody is told who registers."""

    status: Literal["accepted"] = Field(
        default="accepted", description="A mail to the address says what came of it; log in with the password."
    )


class AccountAnswer(HttpModel):
    """An account as its owner, or an administrator, sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    name: str
    roles: Sequence[str] = Field(examples=[["user"]])
    created_at: datetime
    updated_at: datetime
    verified_at: datetime | None = Field(description="When the address was confirmed; null if it was not.")
    status: AccountStatus
    phone: str | None
    address: str | None
    birthday: date | None
    photo_url: str | None
    metadata: dict[str, JsonValue]
    version: int = Field(description="Grows with every change.")

    @classmethod
    def of(cls, account: AccountView) -> AccountAnswer:
        """The answer that shows this account."""
        return cls.model_validate(account)


class OwnAccountAnswer(AccountAnswer):
    """An account as its owner sees it through a session."""

    second_factor: SecondFactorNeed

    @classmethod
    def seen_through(cls, account: AccountView, *, needs_second_factor: bool) -> OwnAccountAnswer:
        """The answer that shows this account to a session. What comes out of a row of ours is not checked again."""
        shown = {name: getattr(account, name) for name in AccountAnswer.model_fields}
        return cls.model_construct(**shown, second_factor="required" if needs_second_factor else None)


class TokensAnswer(HttpModel):
    """Two tokens for one session (RFC 6749 §5.1)."""

    access_token: str = Field(description="A JWT: send it as `Authorization: Bearer …`.")
    refresh_token: str = Field(description="Good for one refresh. Using it twice ends the session.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Lifetime of the access token in seconds.", examples=[300])
    second_factor: SecondFactorNeed = None

    @classmethod
    def of(cls, tokens: SessionTokens) -> TokensAnswer:
        """The answer that hands out these tokens."""
        return cls(
            access_token=tokens.access_token.reveal(),
            refresh_token=tokens.refresh_token.reveal(),
            expires_in=int(tokens.expires_in.total_seconds()),
            second_factor="required" if tokens.needs_second_factor else None,
        )


class CookiesAnswer(HttpModel):
    """The tokens have gone into cookies, which the browser sends along by itself."""

    token_type: Literal["Cookie"] = "Cookie"  # noqa: S105
    expires_in: int = Field(description="Lifetime of the access token in seconds: refresh before.", examples=[300])
    second_factor: SecondFactorNeed = None

    @classmethod
    def of(cls, tokens: SessionTokens) -> CookiesAnswer:
        """The answer that goes with these tokens."""
        return cls(
            expires_in=int(tokens.expires_in.total_seconds()),
            second_factor="required" if tokens.needs_second_factor else None,
        )


class SessionAnswer(HttpModel):
    """A login that is still good, as its owner sees it."""

    id: UUID
    started_at: datetime
    last_seen_at: datetime = Field(description="When it was last refreshed.")
    expires_at: datetime = Field(description="When it ends, however often it is refreshed.")
    user_agent: str = Field(examples=["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"])
    network: str | None = Field(description="From where it was last refreshed.", examples=["192.0.2.0/24"])
    current: bool = Field(description="Whether this request belongs to it.")

    @classmethod
    def of(cls, session: SessionView, *, asking: UUID | None) -> SessionAnswer:
        """The answer that shows this session to who asks through the session `asking`."""
        return cls(
            id=session.id,
            started_at=session.started_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            network=session.network,
            current=session.id == asking,
        )


class KeyAnswer(HttpModel):
    """A public key (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    x: str
    kid: str
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"


class KeySetAnswer(HttpModel):
    """A JWK set."""

    keys: Sequence[KeyAnswer]

    @classmethod
    def of(cls, keys: Sequence[PublicKey]) -> KeySetAnswer:
        """The set of these keys."""
        return cls(keys=[KeyAnswer(kid=key.kid, x=key.x) for key in keys])
