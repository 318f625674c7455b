"""Identifiers: UUID version 7, so that new rows land at the end of an index."""

from __future__ import annotations

import os
import time
from uuid import UUID

_NS_PER_MS = 1_000_000


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562 §5.7).

    The 12 bits after the version hold the fraction of the millisecond (§6.2, method 3), so ids made by one
    process sort in the order they were made down to about 250 ns; 62 bits stay random.
    """
    now = time.time_ns()
    milliseconds, rest = divmod(now, _NS_PER_MS)
    fraction = rest * 4096 // _NS_PER_MS
    random = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)
