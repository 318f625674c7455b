"""The rules of webhooks, broken."""

from __future__ import annotations

from hedgerow_core.domain import ConflictError, NotFoundError, ValidationError


class EndpointNotFound(NotFoundError):
    """No such endpoint among the caller's.

    Fix: check the id.
    """

    code = "webhooks.endpoint_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such endpoint among yours. List them to find its id.")


class MessageNotFound(NotFoundError):
    """No such message among the caller's, or it is no longer kept.

    Fix: list the messages of the endpoint.
    """

    code = "webhooks.message_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such message of yours, or it is no longer kept. List those of the endpoint.")


class UrlNotAllowed(ValidationError):
    """The address of an endpoint is not https, no public name, or breaks another rule, which `detail` names.

    Fix: use an address like `https://hooks.example.org/…`.
    """

    code = "webhooks.url_not_allowed"

    def __init__(self, why: str) -> None:
        super().__init__(f"Nothing is sent to this address: {why}.", field="url")


class UnknownEventType(ValidationError):
    """An event that is not let out to customers.

    Fix: choose among `GET /v1/webhooks/event-types`.
    """

    code = "webhooks.unknown_event_type"

    def __init__(self, type: str) -> None:
        super().__init__(f"{type!r} is no event that is sent. Choose among those that are listed.", field="events")


class TooManyEndpoints(ConflictError):
    """The caller has 10 endpoints already.

    Fix: delete one first.
    """

    code = "webhooks.too_many_endpoints"

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} endpoints already, and no more may be. Delete one first.")


class EndpointSwitchedOff(ConflictError):
    """A message was to be sent again to an endpoint that is off.

    Fix: switch the endpoint on, then try again.
    """

    code = "webhooks.endpoint_switched_off"

    def __init__(self) -> None:
        super().__init__("The endpoint is switched off. Switch it on, then have messages sent again.")
