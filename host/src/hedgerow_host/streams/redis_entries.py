"""An entry of a Redis stream holds the announcement as it is, for readers that know nothing of FastStream."""

from __future__ import annotations

from typing import Any

from faststream.redis.parser import MessageFormat


class PlainEntry(MessageFormat):
    """Field `__data__` is the CloudEvent, and there is nothing around it."""

    __slots__ = ()

    @classmethod
    async def encode(cls, *, message: Any, **_envelope: Any) -> bytes:
        """The message itself."""
        return bytes(message)

    @classmethod
    def parse(cls, data: bytes) -> tuple[bytes, dict[str, Any]]:
        """The message, and no headers."""
        return data, {}
