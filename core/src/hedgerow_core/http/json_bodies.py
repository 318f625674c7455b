"""JSON bodies: no deeper than any schema of ours needs, so that nobody can make us recurse."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

MAX_DEPTH = 32


class JsonRequest(Request):
    """A request whose JSON is refused, as malformed JSON is, when it is nested too deeply."""

    async def json(self) -> Any:
        """The body.

        Raises:
            JSONDecodeError: malformed, or nested deeper than `MAX_DEPTH`.
        """
        try:
            value = await super().json()
        except RecursionError:
            raise _too_deep() from None
        if _is_deeper(value, MAX_DEPTH):
            raise _too_deep()
        return value


def _is_deeper(value: object, limit: int) -> bool:
    """Level by level, because a recursion would be what we guard against."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _too_deep() -> json.JSONDecodeError:
    return json.JSONDecodeError(f"nested deeper than {MAX_DEPTH} levels", "", 0)
