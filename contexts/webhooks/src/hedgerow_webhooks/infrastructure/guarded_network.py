"""The way out to addresses that customers choose: every connection is judged where it is made (SSRF).

A name is looked up once for each connection, all that it leads to is judged, and the connection goes to exactly
what was judged: a name that leads elsewhere a moment later gains nothing. TLS checks the certificate of the name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, final

import httpcore

from hedgerow_webhooks.infrastructure.public_addresses import is_of_this_machine, is_public

MOST_TRIED = 2
"""Of the addresses of a name: one that does not answer must not use up all the time."""
LOOK_UPS_AT_ONCE = 32
"""A look-up can't be broken off: of a message that was given up, it goes on for as long as the resolver likes."""


class ForbiddenAddressError(Exception):
    """Something must not be sent there. Never says what was found."""


class NameNotFoundError(Exception):
    """The name leads nowhere."""


class Resolver(Protocol):
    """Looks up the addresses of a name."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """All of them, in the order in which they should be tried.

        Raises:
            NameNotFoundError: there are none.
        """
        ...


@final
class SystemResolver:
    """As the machine does it, on threads of its own: a name server that hangs holds up nobody else's look-ups."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="webhooks-dns")

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Ask it."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            raise NameNotFoundError from None
        return list(dict.fromkeys(str(sockaddr[0]) for *_rest, sockaddr in found))


@final
class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """The network of httpcore, with a gate in front of it.

    With `local_too`, this machine is allowed besides, on any port.
    """

    def __init__(self, resolver: Resolver, *, ports: Collection[int], local_too: bool = False) -> None:
        self._resolver = resolver
        self._ports = ports
        self._local_too = local_too
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look up, judge, connect.

        Raises:
            ForbiddenAddressError, NameNotFoundError: nothing was sent.
            httpcore.ConnectError, httpcore.ConnectTimeout: nobody answers there.
        """
        addresses = await self._resolver.addresses(host, port)
        if not addresses:
            raise NameNotFoundError
        # All of them: of a name that leads to us and to others, who could say which of them was meant?
        if not all(self._is_allowed(address, port) for address in addresses):
            raise ForbiddenAddressError
        *first, last = addresses[:MOST_TRIED]
        for address in first:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._network.connect_tcp(last, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise ForbiddenAddressError

    async def sleep(self, seconds: float) -> None:
        """As httpcore wants it."""
        await asyncio.sleep(seconds)

    def _is_allowed(self, address: str, port: int) -> bool:
        if self._local_too and is_of_this_machine(address):
            return True
        return port in self._ports and is_public(address)
