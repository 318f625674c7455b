"""The rules between those who administer and those who are administered, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthorizationError,
    ConflictError,
)


class NotYourself(AuthorizationError):
    """Nobody deactivates, deletes or promotes themselves, or revokes their own keys, through the routes of
    administrators.

    Fix: ask another administrator.
    """

    code = "users.not_yourself"

    def __init__(self) -> None:
        super().__init__("Nobody does this to their own account. Ask another administrator.")


class SuperAdminImmutable(AuthorizationError):
    """A super_admin is changed by nobody else, and never deactivated or deleted.

    Fix: leave it.
    """

    code = "users.super_admin_immutable"

    def __init__(self) -> None:
        super().__init__("A super_admin can't be changed, deactivated or deleted. Leave it as it is.")


class OutranksYou(AuthorizationError):
    """The account is not below the caller's: only a super_admin manages admins.

    Fix: ask a super_admin.
    """

    code = "users.outranks_you"

    def __init__(self) -> None:
        super().__init__("This account is not below yours: only a super_admin manages admins. Ask one.")


class RoleTooHigh(AuthorizationError):
    """Only roles below one's own can be given.

    Fix: choose a lower one.
    """

    code = "users.role_too_high"

    def __init__(self) -> None:
        super().__init__("You can only give roles below your own. Choose a lower one, or ask a super_admin.")


class LastSuperAdmin(ConflictError):
    """An operator wants to unmake or close the only active super_admin. Never an answer.

    Fix: make another one first.
    """

    code = "users.last_super_admin"

    def __init__(self) -> None:
        super().__init__(
            "This is the only super_admin. Make another one first: `hedgerow users create-admin`, or `roles set`."
        )
