"""The rules of this context that can be broken, by name."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    NotFoundError,
    ValidationError,
)


class InvalidEmail(ValidationError):
    """Not an address that mail could reach."""

    code = "users.invalid_email"

    def __init__(self) -> None:
        super().__init__("This is not an e-mail address. Write it like name@example.org.", field="email")


class InvalidName(ValidationError):
    """A name that is empty, too long or not printable."""

    code = "users.invalid_name"

    def __init__(self, *, longest: int) -> None:
        super().__init__(
            f"A name has 1 to {longest} characters, and no control characters among them. Change it accordingly.",
            field="name",
        )


class UnsuitablePassword(ValidationError):
    """A chosen password that is too short or long, or too easily guessed."""

    code = "users.unsuitable_password"

    def __init__(self, rule: str, *, field: str) -> None:
        super().__init__(f"{rule}. Choose another.", field=field)


class EmailTaken(ConflictError):
    """Another account has this address, in whatever letter case."""

    code = "users.email_taken"

    def __init__(self) -> None:
        super().__init__("An account with this e-mail address exists already. Log in, or use another address.")


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


class AdminAddressTaken(ConflictError):
    """An operator wants an admin under an address that has an account."""

    code = "users.admin_address_taken"

    def __init__(self) -> None:
        super().__init__(
            "An account with this e-mail address exists already, and it stays as it is. Create the super_admin "
            "under another address; it can make the account an admin with POST /v1/users/accounts/{id}/roles."
        )


class AccountGone(AuthenticationError):
    """The access token is sound, but the account it speaks for is no longer there."""

    code = "invalid_token"

    def __init__(self) -> None:
        super().__init__("The account of this access token no longer exists. Log in with another one.")


class InvalidLink(ValidationError):
    """Unknown, used, replaced or expired: the caller must not learn which."""

    code = "users.invalid_link"

    def __init__(self) -> None:
        super().__init__("This link is not valid any more. Ask for a new one.", field="token")


class EmailNotVerified(AuthorizationError):
    """The password is right, but nobody has shown yet that the address is theirs."""

    code = "users.email_not_verified"

    def __init__(self) -> None:
        super().__init__("Confirm your e-mail address first. Ask for a new link if you have none.")


class AccountDeactivated(AuthorizationError):
    """The password is right, but an administrator has closed the account."""

    code = "users.account_deactivated"

    def __init__(self) -> None:
        super().__init__("This account is deactivated. Ask an administrator.")


class UnsuitableProfile(ValidationError):
    """A part of a profile that breaks its rule."""

    code = "users.unsuitable_profile"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{rule}. Change it, or leave it out.", field=field)


class AccountNotFound(NotFoundError):
    """There is no account of that id."""

    code = "users.account_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such account. Check the id.")


class AccountDeleted(ConflictError):
    """The account is deleted, and stays as it is."""

    code = "users.account_deleted"

    def __init__(self) -> None:
        super().__init__("This account is deleted and can't be changed. Create a new one.")


class AccountNotActive(ConflictError):
    """Only an active account can be deactivated."""

    code = "users.account_not_active"

    def __init__(self) -> None:
        super().__init__("This account is deactivated already. Look at it again.")


class AccountNotDeactivated(ConflictError):
    """Only a deactivated account can be reactivated."""

    code = "users.account_not_deactivated"

    def __init__(self) -> None:
        super().__init__("This account is active already. Look at it again.")


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


class UnknownScopes(ValidationError):
    """Scopes that mean nothing on this host."""

    code = "users.unknown_scopes"

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(
            f"There is no such scope: {_listed(scopes)}. Name permissions, `<context>:read` or `<context>:write`.",
            field="scopes",
        )


class ScopesBeyondRoles(AuthorizationError):
    """A key can't be made for what its owner may not do."""

    code = "users.scopes_beyond_roles"

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(
            f"None of your roles has {_listed(scopes)}. Leave it out, or ask for the role.",
            details={"scopes": list(scopes)},
        )


class TooManyKeys(ConflictError):
    """An account has as many live keys as it may have."""

    code = "users.too_many_keys"

    def __init__(self, *, most: int) -> None:
        super().__init__(f"You have {most} live keys, which is the most. Revoke one that you don't need.")


class KeyNotFound(NotFoundError):
    """No live key of this owner has this id."""

    code = "users.key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such live key. List the keys, and take the id from there.")


class KeyAlreadyRotated(ConflictError):
    """A key has one successor."""

    code = "users.key_already_rotated"

    def __init__(self) -> None:
        super().__init__("This key has a successor already. Rotate that one.")


class InvalidServiceName(ValidationError):
    """Not a name for a service."""

    code = "users.invalid_service_name"

    def __init__(self) -> None:
        super().__init__(
            "A service is named by 1 to 63 small letters, digits and hyphens, a letter first. Choose another name.",
            field="name",
        )


class ServiceNameTaken(ConflictError):
    """A live service has this name."""

    code = "users.service_name_taken"

    def __init__(self) -> None:
        super().__init__("A service of this name exists already. Revoke it first, or choose another name.")


class ServiceNotFound(NotFoundError):
    """No live service has this name."""

    code = "users.service_not_found"

    def __init__(self) -> None:
        super().__init__("There is no live service of this name. See `hedgerow users services list`.")


class CookiesOff(ValidationError):
    """Somebody wants tokens in cookies from a host that gives out none."""

    code = "users.cookies_off"

    def __init__(self) -> None:
        super().__init__(
            "This host gives out no cookies. Leave `cookies` out, or set USERS_COOKIES.", field="cookies"
        )


def _listed(scopes: Sequence[str]) -> str:
    """A few of them, as they may stand in a sentence: somebody else has written them."""
    shown = ", ".join(scope[:100] for scope in scopes[:5])
    return f"{shown} and {len(scopes) - 5} more" if len(scopes) > 5 else shown
