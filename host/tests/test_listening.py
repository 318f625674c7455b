"""A listener lets in as many at once as it says, however long a round of the loop takes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
import uvloop

from hedgerow_core.testing.servers import LOCALHOST
from hedgerow_host.listening import ACCEPTED_AT_ONCE, BACKLOG, bound_socket, doors

CONNECTIONS = 200


def rounds_until_accepted(sockets: Sequence[socket.socket]) -> int:
    """How many rounds of its loop a server takes to accept all who have come at once."""

    async def accept() -> int:
        rounds = accepted = 0

        class Counting(asyncio.Protocol):
            def connection_made(self, _transport: asyncio.BaseTransport) -> None:
                nonlocal accepted
                accepted += 1

        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Counting, sock=each, backlog=BACKLOG) for each in sockets]
        with ExitStack() as callers:
            for _ in range(CONNECTIONS):
                callers.enter_context(socket.create_connection(sockets[0].getsockname()))
            async with asyncio.timeout(30):
                while accepted < CONNECTIONS:
                    rounds += 1
                    await asyncio.sleep(0)
        for server in servers:
            server.close()
        return rounds

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(accept())


@pytest.mark.parametrize("several", [True, False])
def test_many_who_come_at_once_are_let_in_by_several_listeners_and_one_by_one_by_a_single_one(
    several: bool,
) -> None:
    bound = bound_socket(LOCALHOST, 0)
    rounds = rounds_until_accepted(doors(bound) if several else [bound])

    if several:
        assert rounds <= 2 * CONNECTIONS / ACCEPTED_AT_ONCE
    else:
        assert rounds >= CONNECTIONS, "then one listener does, too: doors() is of no use any more"
