"""The rules of webhooks, broken."""

from __future__ import annotations

from hedgerow_core.domain import ConflictError, NotFoundError, ValidationError


class EndpointNotFound(NotFoundError):
    """No such endpoint, or somebody else's."""

    code = "webhooks.endpoint_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such endpoint among yours. List them to find its id.")


class MessageNotFound(NotFoundError):
    """No such message, or somebody else's, or one that is no longer kept."""

    code = "webhooks.message_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such message of yours, or it is no longer kept. List those of the endpoint.")


class UrlNotAllowed(ValidationError):
    """An address to which nothing is sent from here."""

    code = "webhooks.url_not_allowed"

    def __init__(self, why: str) -> None:
        super().__init__(f"Nothing is sent to this address: {why}.", field="url")


class UnknownEventType(ValidationError):
    """A type of event that is not let out."""

    code = "webhooks.unknown_event_type"

    def __init__(self, type: str) -> None:
        super().__init__(f"{type!r} is no event that is sent. Choose among those that are listed.", field="events")


class TooManyEndpoints(ConflictError):
    """One owner has as many as there may be."""

    code = "webhooks.too_many_endpoints"

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} endpoints already, and no more may be. Delete one first.")


class EndpointSwitchedOff(ConflictError):
    """Nothing is sent to an endpoint that is off."""

    code = "webhooks.endpoint_switched_off"

    def __init__(self) -> None:
        super().__init__("The endpoint is switched off. Switch it on, then have messages sent again.")
