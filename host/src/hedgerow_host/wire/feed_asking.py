"""How a relay of this host asks for the feed of a context on another one."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from hedgerow_core.domain import DomainError
from hedgerow_core.messaging import Ask
from hedgerow_core.messaging.feed_pages import MAX_ANSWER_BYTES
from hedgerow_core.wire import Peer

PATH = "/_feed/{context}"


def asking(peer: Peer, asker: str) -> Ask:
    """The way to the feed of a remote context, for a relay of the context `asker`."""
    return partial(_ask, peer, asker)


async def _ask(peer: Peer, asker: str, request: bytes, within: timedelta) -> bytes:
    path = PATH.format(context=peer.context)
    answer = await peer.send("POST", path, asker=asker, within=within, content=request, most_bytes=MAX_ANSWER_BYTES)
    if answer.status != HTTPStatus.OK:
        raise DomainError(f"{peer.url}{path} answers {answer.status}: {_code_in(answer.content)}")
    return answer.content


def _code_in(content: bytes) -> str:
    try:
        return str(json.loads(content)["code"])
    except (ValueError, KeyError, TypeError):
        return "no problem of ours"
