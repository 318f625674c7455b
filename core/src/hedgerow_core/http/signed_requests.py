"""What the check of a signature needs of a request: the very bytes that were signed, and headers without doubt."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request


def only_header(request: Request, name: str) -> str:
    """The header; an empty text unless it came exactly once: who has signed which of two?"""
    values = request.headers.getlist(name)
    return values[0] if len(values) == 1 else ""


async def raw_body_of(request: Request, *, at_most: int) -> bytes:
    """The body as it came in.

    Raises:
        HTTPException: 413, it has more than `at_most` bytes.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > at_most:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail=f"A webhook may have at most {at_most} bytes."
            )
    return bytes(body)
