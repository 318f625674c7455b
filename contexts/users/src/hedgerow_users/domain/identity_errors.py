"""The rules around identities and their providers that can be broken, by name."""

from __future__ import annotations

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    NotFoundError,
    ValidationError,
)


class IdentityWithoutEmail(AuthorizationError):
    """A token of an identity provider is good, but names no address that its owner has confirmed there."""

    code = "users.identity_without_email"

    def __init__(self) -> None:
        super().__init__(
            "An account needs an e-mail address, and the token names none that is verified. Confirm it with your "
            "provider; operators: have it put `email` and `email_verified` into its tokens."
        )


class IdentityNotLinked(ConflictError):
    """The address of an unknown identity has an account, which is not taken over by whoever names the address."""

    code = "users.identity_not_linked"

    def __init__(self) -> None:
        super().__init__(
            "An account with your e-mail address exists already. Log in to it with its password, and link this "
            "identity with POST /v1/users/me/identities."
        )


class IdentityTaken(ConflictError):
    """The identity stands for another account, or its provider has ended it."""

    code = "users.identity_taken"

    def __init__(self) -> None:
        super().__init__("This identity belongs to another account, or has ended. Use another one.")


class IdentityNotFound(NotFoundError):
    """The caller has no identity of that id."""

    code = "users.identity_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such identity. List them, and take the id from there.")


class LastWayToLogIn(ConflictError):
    """Without this identity nobody could get into the account any more."""

    code = "users.last_way_to_log_in"

    def __init__(self) -> None:
        super().__init__(
            "This is the only way to log in to your account. Set a password, or link another one first."
        )


class UnusableIdentityToken(ValidationError):
    """What was to be linked is no good token of a provider that we know. Which rule it breaks is not said."""

    code = "users.unusable_identity_token"

    def __init__(self) -> None:
        super().__init__(
            "This is not a valid token of an identity provider that is accepted here. Get a new one.", field="token"
        )


class LocalLoginNeeded(AuthorizationError):
    """What would let somebody else into the account is changed by who has logged in to it here."""

    code = "users.local_login_needed"

    def __init__(self) -> None:
        super().__init__(
            "Log in here with your password for this. Without one, set it through a mailed link first."
        )


class ProviderNotFound(NotFoundError):
    """No identity provider of that name sends webhooks here."""

    code = "users.provider_not_found"

    def __init__(self) -> None:
        super().__init__(
            "No identity provider of this name sends webhooks here. Check the name, and USERS_PROVIDERS."
        )


class WebhookRefused(AuthenticationError):
    """A webhook that is not signed, not of now, or incomplete: the sender must not learn which."""

    code = "users.webhook_refused"

    def __init__(self) -> None:
        super().__init__(
            "The webhook is not acceptable. Check the secret, the clock and the headers of the sender."
        )


class UnreadableWebhook(ValidationError):
    """A webhook that is signed, and not as we know webhooks."""

    code = "users.unreadable_webhook"

    def __init__(self) -> None:
        super().__init__(
            "The webhook is no JSON object with `type` and `data`, or its `data` has no `id`. Correct it."
        )
