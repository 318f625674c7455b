"""The rules of proving who one is, broken: by password, code, or mailed link."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ValidationError,
)


class UnsuitablePassword(ValidationError):
    """A chosen password outside of 8 to 128 characters, or among the first that somebody would guess; `detail`
    says why.

    Fix: choose another.
    """

    code = "users.unsuitable_password"

    def __init__(self, rule: str, *, field: str) -> None:
        super().__init__(f"{rule}. Choose another.", field=field)


class InvalidCredentials(AuthenticationError):
    """Unknown address or wrong password.

    Fix: check both.
    """

    code = "users.invalid_credentials"

    def __init__(self) -> None:
        super().__init__("E-mail address or password is wrong. Check both and try again.")


class WrongPassword(ValidationError):
    """The current password is another one.

    Fix: check it.
    """

    code = "users.wrong_password"

    def __init__(self) -> None:
        super().__init__("This is not your current password. Check it and try again.", field="current_password")


class EmailNotVerified(AuthorizationError):
    """The password is right, but the address is not confirmed, and `USERS_REQUIRE_VERIFIED_EMAIL` demands it.

    Fix: follow the link in the mail, or ask for another.
    """

    code = "users.email_not_verified"

    def __init__(self) -> None:
        super().__init__("Confirm your e-mail address first. Ask for a new link if you have none.")


class InvalidLink(ValidationError):
    """The code of a mailed link is unknown, used, replaced or expired.

    Fix: ask for a new one.
    """

    code = "users.invalid_link"

    def __init__(self) -> None:
        super().__init__("This link is not valid any more. Ask for a new one.", field="token")
