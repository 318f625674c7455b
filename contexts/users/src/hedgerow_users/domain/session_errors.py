"""The rules of sessions, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    NotFoundError,
    ValidationError,
)


class InvalidRefreshToken(AuthenticationError):
    """Unknown or expired, or its session has ended: the caller must not learn which."""

    code = "users.invalid_refresh_token"

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid. Log in again.")


class RefreshTokenReused(AuthenticationError):
    """A refresh token came a second time, so one of the two who sent it has stolen it."""

    code = "users.refresh_token_reused"

    def __init__(self) -> None:
        super().__init__("The refresh token was used before, so its session has been ended. Log in again.")


class SessionNotFound(NotFoundError):
    """No live session of this account has this id."""

    code = "users.session_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such session. List your sessions, and take the id from there.")


class CookiesOff(ValidationError):
    """Somebody wants tokens in cookies from a host that gives out none."""

    code = "users.cookies_off"

    def __init__(self) -> None:
        super().__init__(
            "This host gives out no cookies. Leave `cookies` out, or set USERS_COOKIES.", field="cookies"
        )
