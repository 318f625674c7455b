"""The asker's side of a question to another host: a deadline for all of it, and another try where it is safe."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import final
from urllib.parse import quote

from hedgerow_core.application.questions import LOOK_AGAIN_AFTER, QueryTooSlow
from hedgerow_core.domain import UnavailableError
from hedgerow_core.observability import log_of
from hedgerow_core.questions.envelope import ASK_PATH, headers_of
from hedgerow_core.questions.replies import FAILED
from hedgerow_core.questions.transport import AskedQuery
from hedgerow_core.wire import Peer, PeerAnswer, PeerAway, PeerCutOff, PeerTooSlow
from hedgerow_core.wire.peer_errors import ASK_AGAIN_AFTER

TRIES = 3
BETWEEN_TRIES_S = 0.05
"""Enough for a host that is replaced to be passed over by whatever spreads requests."""
ON_THE_WAY, ON_THE_WAY_AT_MOST_S = 0.05, 0.1
"""What is kept back of a deadline, twice: the other side gives up first and says so, which tells a slow query from
a slow host; and then this side, before the asker does."""

MayRepeat = Callable[[str, int], bool]
"""Whether the publisher has declared that a query, in this version, may be asked twice for once."""

_log = log_of(__name__)


@final
class RemoteAnswering:
    """Carries questions to the host of one remote context (port `Transport`)."""

    def __init__(self, peer: Peer, may_repeat: MayRepeat) -> None:
        self._peer = peer
        self._may_repeat = may_repeat

    async def __call__(self, asked: AskedQuery, /) -> bytes:
        """The reply that came back.

        Raises:
            UnavailableError: the host can't be reached, does not believe us, or does not answer this query.
            QueryTooSlow: the deadline is over.
        """
        way = min(asked.deadline.total_seconds() * ON_THE_WAY, ON_THE_WAY_AT_MOST_S)
        ends = time.monotonic() + asked.deadline.total_seconds() - way
        left = TRIES if self._may_repeat(asked.query, asked.version) else 1
        while True:
            left -= 1
            try:
                return _reply_in(await self._sent(asked, ends - time.monotonic(), way), asked)
            except PeerTooSlow:
                raise _too_slow(asked) from None
            except PeerCutOff:
                raise
            except PeerAway:
                if not left or time.monotonic() + BETWEEN_TRIES_S >= ends:
                    raise
            await asyncio.sleep(BETWEEN_TRIES_S)

    async def _sent(self, asked: AskedQuery, seconds: float, way: float) -> PeerAnswer:
        return await self._peer.send(
            "POST",
            ASK_PATH.format(query=quote(asked.query, safe=""), version=asked.version),
            asker=asked.asker,
            content=asked.parameters,
            headers=headers_of(asked, within=timedelta(seconds=seconds - way)),
            within=timedelta(seconds=max(0.001, seconds)),
        )


def _reply_in(answer: PeerAnswer, asked: AskedQuery) -> bytes:
    if answer.status == HTTPStatus.OK:
        return answer.content
    if answer.status == HTTPStatus.NOT_FOUND:
        _log.error("query_not_there", query=asked.query, version=asked.version, asker=asked.asker)
        raise UnavailableError(
            f"{asked.query} version {asked.version} is not answered by the host where its context lives",
            code="query_not_here",
            retry_after=LOOK_AGAIN_AFTER,
            details={"query": asked.query},
        )
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        refused = _said_by(answer)
        raise _too_slow(asked) if refused.code == QueryTooSlow.code else refused
    _log.error("query_went_wrong", query=asked.query, asker=asked.asker, status=answer.status)
    return FAILED


def _too_slow(asked: AskedQuery) -> QueryTooSlow:
    _log.warning("query_too_slow", query=asked.query, asker=asked.asker)
    return QueryTooSlow(asked.query, asked.deadline)


def _said_by(answer: PeerAnswer) -> UnavailableError:
    """What a host says of itself that is there and can't answer."""
    try:
        problem = json.loads(answer.content)
        detail, code = str(problem["detail"]), str(problem["code"])
        wait = timedelta(seconds=max(0, int(answer.headers["retry-after"])))
    except (ValueError, KeyError, TypeError):
        detail, code, wait = "The host where it lives can't answer right now. Try again.", None, ASK_AGAIN_AFTER
    return UnavailableError(detail, code=code, retry_after=wait)
