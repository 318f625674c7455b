"""The rules of API keys and services, broken."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow_core.domain import (
    AuthorizationError,
    ConflictError,
    NotFoundError,
    ValidationError,
)


class UnknownScopes(ValidationError):
    """Scopes that mean nothing on this host; `detail` names them.

    Fix: use `<context>:read`, `<context>:write` or a permission, as `hedgerow routes` shows them.
    """

    code = "users.unknown_scopes"

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(
            f"There is no such scope: {_listed(scopes)}. Name permissions, `<context>:read` or `<context>:write`.",
            field="scopes",
        )


class ScopesBeyondRoles(AuthorizationError):
    """A key was to be made or rotated for what the session may not do; `details` names the scopes.

    Fix: leave them out, or ask for the role.
    """

    code = "users.scopes_beyond_roles"

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(
            f"None of your roles has {_listed(scopes)}. Leave it out, or ask for the role.",
            details={"scopes": list(scopes)},
        )


class TooManyKeys(ConflictError):
    """An account has 50 live keys already.

    Fix: revoke one.
    """

    code = "users.too_many_keys"

    def __init__(self, *, most: int) -> None:
        super().__init__(f"You have {most} live keys, which is the most. Revoke one that you don't need.")


class KeyNotFound(NotFoundError):
    """The owner has no live key of this id.

    Fix: list them.
    """

    code = "users.key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such live key. List the keys, and take the id from there.")


class KeyAlreadyRotated(ConflictError):
    """The key has a successor already, and ends with its grace.

    Fix: rotate that one.
    """

    code = "users.key_already_rotated"

    def __init__(self) -> None:
        super().__init__("This key has a successor already. Rotate that one.")


class InvalidServiceName(ValidationError):
    """A service's name is 1 to 63 small letters, digits and hyphens. Of the command line only, never an answer.

    Fix: choose another.
    """

    code = "users.invalid_service_name"

    def __init__(self) -> None:
        super().__init__(
            "A service is named by 1 to 63 small letters, digits and hyphens, a letter first. Choose another name.",
            field="name",
        )


class ServiceNameTaken(ConflictError):
    """A live service has this name. Of the command line only, never an answer.

    Fix: revoke it first, or choose another.
    """

    code = "users.service_name_taken"

    def __init__(self) -> None:
        super().__init__("A service of this name exists already. Revoke it first, or choose another name.")


class ServiceNotFound(NotFoundError):
    """No live service has this name. Of the command line only, never an answer.

    Fix: `hedgerow users services list`.
    """

    code = "users.service_not_found"

    def __init__(self) -> None:
        super().__init__("There is no live service of this name. See `hedgerow users services list`.")


def _listed(scopes: Sequence[str]) -> str:
    """A few of them, as they may stand in a sentence: somebody else has written them."""
    shown = ", ".join(scope[:100] for scope in scopes[:5])
    return f"{shown} and {len(scopes) - 5} more" if len(scopes) > 5 else shown
