"""The rules of sessions, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    NotFoundError,
    ValidationError,
)


class InvalidRefreshToken(AuthenticationError):
    """Unknown or expired, or its session is over.

    Fix: log in again.
    """

    code = "users.invalid_refresh_token"

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid. Log in again.")


class RefreshTokenReused(AuthenticationError):
    """The token was used before, and this is no lost answer that is asked for again; its session has been ended.

    Fix: log in again, and ask who else has the token.
    """

    code = "users.refresh_token_reused"

    def __init__(self) -> None:
        super().__init__("The refresh token was used before, so its session has been ended. Log in again.")


class SessionNotFound(NotFoundError):
    """The caller has no live session of this id.

    Fix: list them.
    """

    code = "users.session_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such session. List your sessions, and take the id from there.")


class CookiesOff(ValidationError):
    """Login was to set cookies, and `USERS_COOKIES` is off.

    Fix: leave `cookies` out.
    """

    code = "users.cookies_off"

    def __init__(self) -> None:
        super().__init__(
            "This host gives out no cookies. Leave `cookies` out, or set USERS_COOKIES.", field="cookies"
        )
