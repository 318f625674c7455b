"""Entity tags (RFC 9110 §8.8.3): a thing's version, so that a caller can say which one it has seen.

`If-None-Match` on a GET saves the transfer of what the caller has (304). `If-Match` on a change makes it a change
of that very version: the command carries it, and the aggregate compares in the transaction that saves it.
"""

from __future__ import annotations

import re
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Header, Request, Response

from hedgerow_core.domain import ValidationError, Versions

MAX_CHARACTERS = 1024
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")
_STRONG_VERSION = re.compile(r'(?<!/)"(\d{1,18})"')
_ANY = "*"


class Versioned(Protocol):
    """Something that says which version it is."""

    @property
    def version(self) -> int:
        """Grows with every change."""
        ...


Answer = TypeVar("Answer", bound=Versioned)


def etag_of(version: int) -> str:
    """The tag of a version."""
    return f'"{version}"'


def tagged(response: Response, answer: Answer) -> Answer:
    """The answer, its version named in the field ETag. For every route that shows one thing with a version."""
    response.headers["ETag"] = etag_of(answer.version)
    return answer


def versions_in(if_match: str | None) -> Versions | None:
    """The versions that `If-Match` allows; None if it allows all (`*`, or no such field).

    The comparison is strong (RFC 9110 §13.1.1): a weak tag, or one that we never gave out, matches nothing.

    Raises:
        ValidationError: it is no list of tags.
    """
    if if_match is None or if_match.strip() == _ANY:
        return None
    if not _LIST.fullmatch(if_match):
        raise ValidationError('If-Match takes tags in quotes, as ETag has them: "3".', field="If-Match")
    return frozenset(int(version) for version in _STRONG_VERSION.findall(if_match))


def not_modified(request: Request, response: Response) -> Response | None:
    """The 304 that stands for this answer, if the caller says that it has it already (RFC 9110 §13.1.2)."""
    if request.method != "GET":
        return None
    for name, _ in request.scope["headers"]:
        if name == b"if-none-match":
            return _not_modified(request, response)
    return None  # nearly always, so without a look at more


def _not_modified(request: Request, response: Response) -> Response | None:
    wanted = request.headers["if-none-match"]
    tag = response.headers.get("etag")
    if tag is None:
        return None
    if wanted.strip() != _ANY and tag not in re.findall(r'"[^"]*"', wanted):  # weakly: W/ does not count
        return None
    kept = {name: response.headers[name] for name in ("etag", "cache-control", "vary") if name in response.headers}
    return Response(status_code=304, headers=kept)


async def _versions(
    if_match: Annotated[
        str | None,
        Header(max_length=MAX_CHARACTERS, description="Change it only if it still has this ETag; else 412."),
    ] = None,
) -> Versions | None:
    return versions_in(if_match)


IfMatch = Annotated[Versions | None, Depends(_versions)]
"""The versions that a change may begin from, for the command to carry; None if the caller has no condition."""
