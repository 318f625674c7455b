"""The routes of this host for other hosts: none unless there are remotes, and none in the product's document."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from hedgerow_host.assembly import Assembly
from hedgerow_host.wire.asks import ask_routes
from hedgerow_host.wire.contexts import context_routes
from hedgerow_host.wire.feeds import feed_routes
from hedgerow_host.wire.identity import identity_routes
from hedgerow_host.wire.keys import key_routes


def wire_routes(assembly: Assembly) -> Sequence[Route]:
    """Every route that other hosts may call. Each finds out by itself who asks, and bounds what it takes."""
    if not assembly.remotes.may_call:
        return ()
    return [
        *key_routes(assembly),
        *context_routes(assembly),
        *ask_routes(assembly),
        *feed_routes(assembly),
        *identity_routes(assembly),
    ]
