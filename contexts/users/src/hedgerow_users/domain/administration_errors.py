"""The rules between those who administer and those who are administered, broken."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthorizationError,
    ConflictError,
)


class NotYourself(AuthorizationError):
    """What administrators do to others, they don't do to themselves."""

    code = "users.not_yourself"

    def __init__(self) -> None:
        super().__init__("Nobody does this to their own account. Ask another administrator.")


class SuperAdminImmutable(AuthorizationError):
    """A super_admin is changed by nobody but itself, and never ended."""

    code = "users.super_admin_immutable"

    def __init__(self) -> None:
        super().__init__("A super_admin can't be changed, deactivated or deleted. Leave it as it is.")


class OutranksYou(AuthorizationError):
    """The other account stands as high as one's own, or higher."""

    code = "users.outranks_you"

    def __init__(self) -> None:
        super().__init__("This account is not below yours: only a super_admin manages admins. Ask one.")


class RoleTooHigh(AuthorizationError):
    """Nobody gives away a role as high as their own."""

    code = "users.role_too_high"

    def __init__(self) -> None:
        super().__init__("You can only give roles below your own. Choose a lower one, or ask a super_admin.")


class LastSuperAdmin(ConflictError):
    """An operator wants to unmake or shut out the only active super_admin."""

    code = "users.last_super_admin"

    def __init__(self) -> None:
        super().__init__(
            "This is the only super_admin. Make another one first: `hedgerow users create-admin`, or `roles set`."
        )
