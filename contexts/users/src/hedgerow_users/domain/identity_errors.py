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
    """A token of an identity provider is good, but names no verified address, and its subject has no account
    yet.

    Fix: confirm the address there; operators: have `email` and `email_verified` put into its tokens.
    """

    code = "users.identity_without_email"

    def __init__(self) -> None:
        super().__init__(
            "An account needs an e-mail address, and the token names none that is verified. Confirm it with your "
            "provider; operators: have it put `email` and `email_verified` into its tokens."
        )


class IdentityNotLinked(ConflictError):
    """A token of an identity provider is good, its subject is unknown, and its address has an account.

    Fix: log in to the account, and link the identity.
    """

    code = "users.identity_not_linked"

    def __init__(self) -> None:
        super().__init__(
            "An account with your e-mail address exists already. Log in to it with its password, and link this "
            "identity with POST /v1/users/me/identities."
        )


class IdentityTaken(ConflictError):
    """The identity stands for another account, or its provider has ended it.

    Fix: use another one.
    """

    code = "users.identity_taken"

    def __init__(self) -> None:
        super().__init__("This identity belongs to another account, or has ended. Use another one.")


class IdentityNotFound(NotFoundError):
    """The caller has no identity of this id.

    Fix: list them.
    """

    code = "users.identity_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such identity. List them, and take the id from there.")


class LastWayToLogIn(ConflictError):
    """Without this identity, nobody could log in to the account.

    Fix: set a password, or link another one.
    """

    code = "users.last_way_to_log_in"

    def __init__(self) -> None:
        super().__init__(
            "This is the only way to log in to your account. Set a password, or link another one first."
        )


class UnusableIdentityToken(ValidationError):
    """What was to be linked is no good token of an identity provider.

    Fix: get a new one.
    """

    code = "users.unusable_identity_token"

    def __init__(self) -> None:
        super().__init__(
            "This is not a valid token of an identity provider that is accepted here. Get a new one.", field="token"
        )


class LocalLoginNeeded(AuthorizationError):
    """Who may come in is changed by who has logged in with the account's password.

    Fix: log in so; set a password through a mailed link first.
    """

    code = "users.local_login_needed"

    def __init__(self) -> None:
        super().__init__(
            "Log in here with your password for this. Without one, set it through a mailed link first."
        )


class ProviderNotFound(NotFoundError):
    """No identity provider of that name sends webhooks: it is not in `USERS_PROVIDERS`, or has no
    `webhook_secret`.

    Fix: check the address that the provider sends to.
    """

    code = "users.provider_not_found"

    def __init__(self) -> None:
        super().__init__(
            "No identity provider of this name sends webhooks here. Check the name, and USERS_PROVIDERS."
        )


class WebhookRefused(AuthenticationError):
    """A webhook is not signed as it must be, is older or newer than 5 minutes, or lacks a header or has it
    twice; which is not said.

    Fix: compare secret and clock with the provider's.
    """

    code = "users.webhook_refused"

    def __init__(self) -> None:
        super().__init__(
            "The webhook is not acceptable. Check the secret, the clock and the headers of the sender."
        )


class UnreadableWebhook(ValidationError):
    """A webhook is signed, but no JSON object with `type` and `data`, or its `data` names nobody.

    Fix: look at what the provider sends.
    """

    code = "users.unreadable_webhook"

    def __init__(self) -> None:
        super().__init__(
            "The webhook is no JSON object with `type` and `data`, or its `data` has no `id`. Correct it."
        )
