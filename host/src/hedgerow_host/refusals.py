"""What the server writes to whom it turns away: an answer made once a second, but for two ids."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from hedgerow_core.http.request_identity import ids_of
from hedgerow_core.http.security_headers import Header
from hedgerow_core.http.shedding import refusal
from hedgerow_host.draining import CLOSE

_REQUEST_ID, _TRACE_ID = "\0 request", "\0 trace"
"""Where they will stand. No field has a zero (RFC 9110 §5.5)."""


def refusal_to(
    headers: Iterable[Header], *, servers: Iterable[Header], scheme: str, has_body: bool, closes: bool
) -> bytes:
    """The whole answer to a request with these fields.

    Args:
        servers: the fields of every answer of the server, such as the date.
        has_body: false in an answer to HEAD.
        closes: whether the answer says so, which the server's fields may have done already.
    """
    request_id, trace_id = ids_of(headers)
    before, between, after = _pieces(tuple(servers), scheme, closes)
    if not has_body:
        return b"".join((before, request_id.encode(), between[: between.index(b"\r\n\r\n")], b"\r\n\r\n"))
    return b"".join((before, request_id.encode(), between, trace_id.encode(), after))


@lru_cache(maxsize=8)
def _pieces(servers: tuple[Header, ...], scheme: str, closes: bool) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after the ids."""
    own, body = refusal(request_id=_REQUEST_ID, trace_id=_TRACE_ID, scheme=scheme)
    fields = b"".join([b"%b: %b\r\n" % field for field in (*servers, *own, *([CLOSE] if closes else []))])
    whole = b"".join((STATUS_LINE[HTTPStatus.SERVICE_UNAVAILABLE], fields, b"\r\n", body))
    before, rest = whole.split(_REQUEST_ID.encode())
    between, after = rest.split(_TRACE_ID.encode())
    return before, between, after
