"""The rules of proving who one is, broken: by password, code, or mailed link."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ValidationError,
)


class UnsuitablePassword(ValidationError):
    """A chosen password that is too short or long, or too easily guessed."""

    code = "users.unsuitable_password"

    def __init__(self, rule: str, *, field: str) -> None:
        super().__init__(f"{rule}. Choose another.", field=field)


class InvalidCredentials(AuthenticationError):
    """Unknown account or wrong password: the caller must not learn which."""

    code = "users.invalid_credentials"

    def __init__(self) -> None:
        super().__init__("E-mail address or password is wrong. Check both and try again.")


class WrongPassword(ValidationError):
    """Somebody who is logged in gave a current password that is not the current one."""

    code = "users.wrong_password"

    def __init__(self) -> None:
        super().__init__("This is not your current password. Check it and try again.", field="current_password")


class EmailNotVerified(AuthorizationError):
    """The password is right, but nobody has shown yet that the address is theirs."""

    code = "users.email_not_verified"

    def __init__(self) -> None:
        super().__init__("Confirm your e-mail address first. Ask for a new link if you have none.")


class InvalidLink(ValidationError):
    """Unknown, used, replaced or expired: the caller must not learn which."""

    code = "users.invalid_link"

    def __init__(self) -> None:
        super().__init__("This link is not valid any more. Ask for a new one.", field="token")
