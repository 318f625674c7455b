"""The rules of the second factor, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    ConflictError,
    ValidationError,
)


class SecondFactorRequired(AuthenticationError):
    """The password is right, and the account has a second factor. Never said to a wrong password.

    Fix: log in again with `code`.
    """

    code = "users.second_factor_required"

    def __init__(self) -> None:
        super().__init__("This account has a second factor. Send a code of it, or a recovery code, as `code`.")


class InvalidCode(AuthenticationError):
    """The password is right, and the code of the second factor is wrong, of another time, or used.

    Fix: wait for the next one.
    """

    code = "users.invalid_code"

    def __init__(self) -> None:
        super().__init__("The code is not valid, or was used before. Wait for the next one and try again.")


class CodeMissing(ValidationError):
    """As `users.second_factor_required`, of somebody who is logged in and changes password or address, or links
    a provider.

    Fix: send `code` along.
    """

    code = "users.code_missing"

    def __init__(self) -> None:
        super().__init__(
            "This account has a second factor. Send a code of it, or a recovery code, as `code`.", field="code"
        )


class WrongCode(ValidationError):
    """As `users.invalid_code`, of somebody who is logged in.

    Fix: wait for the next one.
    """

    code = "users.wrong_code"

    def __init__(self) -> None:
        super().__init__(
            "The code is not valid, or was used before. Wait for the next one and try again.", field="code"
        )


class SecondFactorOn(ConflictError):
    """There is a second factor already.

    Fix: remove it first.
    """

    code = "users.second_factor_on"

    def __init__(self) -> None:
        super().__init__("This account has a second factor already. Remove it before you set up another one.")


class SecondFactorOff(ConflictError):
    """There is no second factor, or the one that was begun has waited for an hour.

    Fix: begin anew.
    """

    code = "users.second_factor_off"

    def __init__(self) -> None:
        super().__init__("This account has no second factor, or waited too long to confirm one. Begin anew.")
