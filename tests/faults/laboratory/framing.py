"""How proxies find the end of a message: strictly by RFC 9112, or in one of the ways that have been exploited.

A reading splits what a client sends into the messages that a proxy would pass on, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Fields = list[tuple[bytes, bytes]]
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_SOME_CHUNK = re.compile(rb"\s*(?:0x)?([0-9A-Fa-f]+)[^\n]*\n")


class RefusedError(Exception):
    """A proxy that reads so would not pass this on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The way of one proxy. `length_of` says how long the body is that stands behind the head, None if chunked."""

    name: str
    length_of: Callable[[Fields], int | None]
    is_strict: bool = False

    def split(self, said: bytes) -> list[bytes]:
        """The messages in it, whole ones only; what is refused, and all behind it, is left out."""
        messages = []
        while said:
            try:
                end = self._end_of_first(said)
            except RefusedError:
                break
            if end is None:
                break
            messages.append(said[:end])
            said = said[end:]
        return messages

    def _end_of_first(self, said: bytes) -> int | None:
        head, blank, body = _head_of(said, self.is_strict)
        if not blank:
            return None
        fields = _strictly(head) if self.is_strict else _somehow(head)
        length = self.length_of(fields)
        size = _size_of_chunks(body, self.is_strict) if length is None else length
        return None if size is None or size > len(body) else len(said) - len(body) + size


def _head_of(said: bytes, is_strict: bool) -> tuple[bytes, bytes, bytes]:
    if is_strict:
        return said.partition(b"\r\n\r\n")
    found = re.search(rb"\r?\n\r?\n", said)
    return (said[: found.start()], found.group(), said[found.end() :]) if found else (said, b"", b"")


def _strictly(head: bytes) -> Fields:
    """RFC 9112 §5: no white space before a colon, no folding, no line that ends otherwise."""
    fields = []
    for line in head.split(b"\r\n")[1:]:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise RefusedError
        fields.append((found[1].lower(), found[2]))
    return fields


def _somehow(head: bytes) -> Fields:
    """Whatever might be meant: bare LF, folded lines, white space anywhere."""
    unfolded = re.sub(rb"\r?\n[ \t]+", b" ", head)
    pairs = (line.partition(b":") for line in re.split(rb"\r?\n", unfolded)[1:])
    return [(name.strip().lower(), value.strip(b" \t\x0b\x0c\r\x00")) for name, _colon, value in pairs]


def _all_of(fields: Fields, wanted: bytes) -> list[bytes]:
    return [value for name, value in fields if name == wanted]


def _strict_length(fields: Fields) -> int | None:
    """RFC 9112 §6.3, and where it lets a proxy choose between mending and refusing: refusing."""
    lengths, codings = _all_of(fields, b"content-length"), _all_of(fields, b"transfer-encoding")
    if codings:
        if lengths or [coding.lower() for coding in codings] != [b"chunked"]:
            raise RefusedError
        return None
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise RefusedError
    return int(lengths[0]) if lengths else 0


def _number(text: bytes) -> int:
    found = re.search(rb"\d+", text)
    return int(found.group()) if found else 0


def _first_length(fields: Fields) -> int | None:
    lengths = _all_of(fields, b"content-length")
    return _number(lengths[0]) if lengths else 0


def _last_length(fields: Fields) -> int | None:
    lengths = _all_of(fields, b"content-length")
    return _number(lengths[-1]) if lengths else 0


def _chunks_first(fields: Fields) -> int | None:
    is_chunked = any(b"chunked" in coding.lower() for coding in _all_of(fields, b"transfer-encoding"))
    return None if is_chunked else _first_length(fields)


def _last_coding(fields: Fields) -> int | None:
    codings = _all_of(fields, b"transfer-encoding")
    return None if codings and codings[-1].lower().endswith(b"chunked") else _last_length(fields)


def _size_of_chunks(body: bytes, is_strict: bool) -> int | None:
    """How many bytes a chunked body has, to the end of its last chunk; None if that has not come."""
    at = 0
    while True:
        found = (
            _CHUNK.match(body, at)
            if is_strict
            else re.compile(rb"\s*(?:0x)?([0-9A-Fa-f]+)[^\n]*\n").match(body, at)
        )
        if found is None:
            if is_strict and body[at:]:
                raise RefusedError
            return None
        size, at = int(found[1], 16), found.end()
        if size == 0:
            end = re.compile(rb"\r?\n").match(body, at)
            return end.end() if end else None
        if size > len(body):
            return None
        end = re.compile(rb"\r\n" if is_strict else rb"\r?\n?").match(body, at + size)
        if end is None:
            return None
        at = end.end()


STRICT = Reading("strict", _strict_length, is_strict=True)
READINGS = (
    STRICT,
    Reading("first Content-Length", _first_length),
    Reading("last Content-Length", _last_length),
    Reading("chunked wherever it stands", _chunks_first),
    Reading("chunked if it comes last", _last_coding),
)
