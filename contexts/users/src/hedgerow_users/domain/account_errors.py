"""The rules of accounts, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    NotFoundError,
    ValidationError,
)


class InvalidEmail(ValidationError):
    """Not an e-mail address.

    Fix: correct it.
    """

    code = "users.invalid_email"

    def __init__(self) -> None:
        super().__init__("This is not an e-mail address. Write it like name@example.org.", field="email")


class InvalidName(ValidationError):
    """A name that is empty, longer than 200 characters or has control characters.

    Fix: correct it.
    """

    code = "users.invalid_name"

    def __init__(self, *, longest: int) -> None:
        super().__init__(
            f"A name has 1 to {longest} characters, and no control characters among them. Change it accordingly.",
            field="name",
        )


class UnsuitableProfile(ValidationError):
    """A part of a profile breaks its rule; `errors` names it.

    Fix: read `detail`.
    """

    code = "users.unsuitable_profile"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{rule}. Change it, or leave it out.", field=field)


class EmailTaken(ConflictError):
    """The address has an account, in whatever letter case. Registration never says so.

    Fix: use another address.
    """

    code = "users.email_taken"

    def __init__(self) -> None:
        super().__init__("An account with this e-mail address exists already. Log in, or use another address.")


class AdminAddressTaken(ConflictError):
    """`hedgerow users create-admin` under an address that has an account. Never an answer.

    Fix: use an address without an account, or `hedgerow users roles set`.
    """

    code = "users.admin_address_taken"

    def __init__(self) -> None:
        super().__init__(
            "An account with this e-mail address exists already, and it stays as it is. Create the super_admin "
            "under another address; it can make the account an admin with POST /v1/users/accounts/{id}/roles."
        )


class AccountNotFound(NotFoundError):
    """There is no account of that id.

    Fix: check the id.
    """

    code = "users.account_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such account. Check the id.")


class AccountGone(AuthenticationError):
    """The token is malformed, of an unknown issuer or key, or its account is gone.

    Fix: log in again.
    """

    code = "invalid_token"

    def __init__(self) -> None:
        super().__init__("The account of this access token no longer exists. Log in with another one.")


class AccountDeactivated(AuthorizationError):
    """The password is right, but an administrator has closed the account.

    Fix: ask an administrator.
    """

    code = "users.account_deactivated"

    def __init__(self) -> None:
        super().__init__("This account is deactivated. Ask an administrator.")


class AccountDeleted(ConflictError):
    """The account is deleted and stays as it is.

    Fix: create a new one.
    """

    code = "users.account_deleted"

    def __init__(self) -> None:
        super().__init__("This account is deleted and can't be changed. Create a new one.")


class AccountNotActive(ConflictError):
    """It is deactivated already.

    Fix: nothing.
    """

    code = "users.account_not_active"

    def __init__(self) -> None:
        super().__init__("This account is deactivated already. Look at it again.")


class AccountNotDeactivated(ConflictError):
    """It is active already.

    Fix: nothing.
    """

    code = "users.account_not_deactivated"

    def __init__(self) -> None:
        super().__init__("This account is active already. Look at it again.")
