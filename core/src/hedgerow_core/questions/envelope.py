"""A question between two hosts: parameters are the body, all else is headers. Both sides of the form are here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote, unquote
from uuid import UUID

from hedgerow_core.domain import ValidationError
from hedgerow_core.observability.tracing import well_formed
from hedgerow_core.questions.transport import AskedQuery

ASK_PATH = "/_ask/{query}/{version}"
DEADLINE, ACTOR, CORRELATION, CAUSATION, TRACE = (
    "hedgerow-deadline-ms",
    "hedgerow-actor",
    "hedgerow-correlation",
    "hedgerow-causation",
    "traceparent",
)
"""Never rename one: the other host may be older or newer."""
LONGEST_DEADLINE = timedelta(minutes=1)
"""As long as a handler of a delivery may take, and nobody asks for longer."""
LONGEST_NAME = 255


def headers_of(asked: AskedQuery, *, within: timedelta) -> dict[str, str]:
    """What goes along with the parameters. `within` is what is left of the deadline."""
    told = {
        DEADLINE: str(max(1, int(within.total_seconds() * 1000))),
        ACTOR: quote(asked.actor or ""),
        CORRELATION: quote(asked.correlation_id or ""),
        CAUSATION: str(asked.causation_id or ""),
        TRACE: asked.traceparent or "",
    }
    return {name: value for name, value in told.items() if value}


def asked_in(query: str, version: int, asker: str, headers: Mapping[str, str], parameters: bytes) -> AskedQuery:
    """The question that a request brings. Who asks says its token, and nothing in here.

    Raises:
        ValidationError: a header is not as `headers_of` writes it.
    """
    traceparent = headers.get(TRACE, "")
    return AskedQuery(
        query=query,
        version=version,
        asker=asker,
        parameters=parameters,
        deadline=_deadline(headers.get(DEADLINE, "")),
        actor=_name(ACTOR, headers),
        correlation_id=_name(CORRELATION, headers),
        causation_id=_id(CAUSATION, headers),
        traceparent=traceparent if well_formed(traceparent) else None,
    )


def _deadline(written: str) -> timedelta:
    longest = LONGEST_DEADLINE // timedelta(milliseconds=1)
    sound = len(written) <= len(str(longest)) and written.isascii() and written.isdigit()
    if not sound or not 1 <= int(written) <= longest:
        raise ValidationError(f"{DEADLINE} must be 1 to {longest}", field=DEADLINE)
    return timedelta(milliseconds=int(written))


def _name(header: str, headers: Mapping[str, str]) -> str | None:
    name = unquote(headers.get(header, ""))
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ValidationError(f"{header} must be {LONGEST_NAME} printable characters at most", field=header)
    return name or None


def _id(header: str, headers: Mapping[str, str]) -> UUID | None:
    written = headers.get(header, "")
    try:
        return UUID(written) if written else None
    except ValueError:
        raise ValidationError(f"{header} must be a UUID", field=header) from None
