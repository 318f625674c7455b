"""A request of which nobody has read more than it takes to turn it away.

A parser with its callbacks, a scope, a cycle and an event cost more than the refusal that they are made for. What
is looked at here is plain: a whole request, alone, in one piece. Whatever is not is the parser's.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from hedgerow_core.http.security_headers import Header
from hedgerow_host.patient_protocol import MAX_HEADERS

_HEAD_ENDS: Final = b"\r\n\r\n"
_NAME: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD: Final = re.compile(rb"([A-Z]+) /[!-\"$-~]* HTTP/1\.1\r\n((?:%b:[\t -~\x80-\xff]*\r\n)*)\r\n" % _NAME)
"""Strict where parsers differ (RFC 9112 §2.2, §5.1): two that see different requests in the same bytes are how
requests are smuggled."""
_LENGTH: Final = re.compile(rb"[0-9]{1,9}")
_FOR_THE_PARSER: Final = (b"transfer-encoding", b"upgrade", b"expect")
TELLING_FIELDS: Final = (
    *_FOR_THE_PARSER,
    b"content-length",
    b"connection",
    b"origin",
    b"traceparent",
    b"x-request-id",
    b"x-forwarded-proto",
)
"""What a refusal depends on. Others are not looked at."""
_TELLING: Final = re.compile(rb"\r\n(%b):[\t ]*([^\r]*)" % b"|".join(TELLING_FIELDS), re.IGNORECASE)


class WholeRequest(NamedTuple):
    """What a refusal depends on."""

    method: str
    headers: list[Header]
    """The telling fields, with names in lower case."""

    @property
    def stays(self) -> bool:
        """Whether its sender goes on listening after an answer."""
        return not any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)


def may_be_whole(data: bytes) -> bool:
    """Whether nothing seems to be missing. Without a body, there is no closer look before it is turned away."""
    end = data.find(_HEAD_ENDS)
    return end >= 0 and (end + len(_HEAD_ENDS) == len(data) or whole_request(data) is not None)


def path_in(data: bytes) -> str:
    """The path, as it was sent: nothing is decoded."""
    target = data.split(b" ", 2)[1:2]
    return target[0].partition(b"?")[0].decode("latin-1") if target else ""


def whole_request(data: bytes) -> WholeRequest | None:
    """What these bytes ask for, if they are one request and nothing else. None if a parser has to say."""
    head = _HEAD.match(data)
    if head is None:
        return None
    method, fields = head.groups()
    if fields.count(b"\n") > MAX_HEADERS:
        return None
    headers = [(name.lower(), value.rstrip(b"\t ")) for name, value in _TELLING.findall(data, 0, head.end())]
    length = _length_of_body(headers)
    if length is None or len(data) != head.end() + length:
        return None
    return WholeRequest(method.decode(), headers)


def _length_of_body(headers: list[Header]) -> int | None:
    """None if it takes a parser to find out."""
    if not headers:  # most have none of the telling ones
        return 0
    if any(name in _FOR_THE_PARSER for name, _ in headers):
        return None
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        return 0
    return int(lengths[0]) if len(lengths) == 1 and _LENGTH.fullmatch(lengths[0]) else None
