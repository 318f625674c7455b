"""The rules of the second factor, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    ConflictError,
    ValidationError,
)


class SecondFactorRequired(AuthenticationError):
    """The password is right, and the account wants a code besides. Said to nobody who lacks the password."""

    code = "users.second_factor_required"

    def __init__(self) -> None:
        super().__init__("This account has a second factor. Send a code of it, or a recovery code, as `code`.")


class InvalidCode(AuthenticationError):
    """The password is right, and the code is wrong, used, or of another time: the caller must not learn which."""

    code = "users.invalid_code"

    def __init__(self) -> None:
        super().__init__("The code is not valid, or was used before. Wait for the next one and try again.")


class CodeMissing(ValidationError):
    """Somebody who is logged in gave the password alone, and the account has a second factor."""

    code = "users.code_missing"

    def __init__(self) -> None:
        super().__init__(
            "This account has a second factor. Send a code of it, or a recovery code, as `code`.", field="code"
        )


class WrongCode(ValidationError):
    """Somebody who is logged in gave a code that is wrong, used, or of another time."""

    code = "users.wrong_code"

    def __init__(self) -> None:
        super().__init__(
            "The code is not valid, or was used before. Wait for the next one and try again.", field="code"
        )


class SecondFactorOn(ConflictError):
    """The account has a second factor, and only its removal makes room for another one."""

    code = "users.second_factor_on"

    def __init__(self) -> None:
        super().__init__("This account has a second factor already. Remove it before you set up another one.")


class SecondFactorOff(ConflictError):
    """The account has no second factor that could be confirmed, renewed or removed."""

    code = "users.second_factor_off"

    def __init__(self) -> None:
        super().__init__("This account has no second factor, or waited too long to confirm one. Begin anew.")
