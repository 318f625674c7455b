"""Remembers who has written lately, so that no replica shows them less: in this process, and in a cookie.

The cookie holds a moment, and is not signed: whoever makes one up is shown what is older, or what the primary says,
as everybody was before. It is of no use for longer than a replica may be behind.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import final
from uuid import UUID

from fastapi import Request, Response

from hedgerow_core.persistence.readers import Reader, ReadReplica, reading_for
from hedgerow_core.replication import MOST_BEHIND_S
from hedgerow_core.security import Principal

COOKIE = "__Host-hedgerow_wrote"
"""The prefix has browsers refuse it without Secure, with a Domain, or below another path (RFC 6265bis §4.1.3)."""
KEPT_FOR_S = int(MOST_BEHIND_S) + 5
"""A replica that is further behind is asked by nobody."""
MOST_WRITERS = 100_000
"""About 15 MB. So many would have to write within ten seconds, in one process."""
_MOMENT = re.compile(r"[0-9]{1,15}")


@final
class OwnWrites:
    """Of one process. Built once, at start; what it remembers belongs to one event loop."""

    def __init__(self, replica: ReadReplica) -> None:
        self._replica = replica
        self._written: OrderedDict[UUID, tuple[float, float]] = OrderedDict()
        """By subject: when they wrote by the primary's clock, and until when that is kept by ours."""

    async def around(self, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
        """The answer, read for whoever asks; with a cookie if they have written."""
        reader = Reader(self._wrote_at(request))
        try:
            with reading_for(reader):
                response = await answer()
        finally:
            if reader.has_written:
                self._remember(request, reader)
        if reader.has_written and reader.wrote_at is not None:
            response.set_cookie(
                COOKIE, str(int(reader.wrote_at * 1000) + 1), max_age=KEPT_FOR_S, secure=True, httponly=True
            )
        return response

    def _wrote_at(self, request: Request) -> float | None:
        told = request.cookies.get(COOKIE, "")
        # Nobody has written in the future: who says so is shown what the primary has, as long as they say so.
        moments = [int(told) / 1000] if _MOMENT.fullmatch(told) else []
        subject = _subject_of(request)
        written = self._written.get(subject) if subject is not None else None
        if written is not None:
            moments.append(written[0])
        return max(moments, default=None)

    def _remember(self, request: Request, reader: Reader) -> None:
        now, subject = time.monotonic(), _subject_of(request)
        if subject is None or reader.wrote_at is None:
            return
        self._written[subject] = (reader.wrote_at, now + KEPT_FOR_S)
        self._written.move_to_end(subject)
        while self._written and (len(self._written) > MOST_WRITERS or next(iter(self._written.values()))[1] < now):
            self._written.popitem(last=False)


def _subject_of(request: Request) -> UUID | None:
    principal: Principal | None = getattr(request.state, "principal", None)
    return None if principal is None else principal.subject
