"""The contexts that live on other hosts: how they are reached, and how they are known when they call here.

Trust is mutual, and one setting: who is listed may call, and is believed by the keys at the URL that is listed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from hedgerow_core.domain import Clock, SystemClock
from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_core.wire import HostKeys, OwnTokens, Peer, ServiceTokens
from hedgerow_core.wire.host_keys import SECRET_FILE
from hedgerow_core.wire.service_tokens import refused
from hedgerow_host.problems import Problem
from hedgerow_host.settings import HostSettings
from hedgerow_host.wire.remote_context import RemoteContext
from hedgerow_host.wire.unsound_remotes import unsound_remotes

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """All remote contexts of this host, by name."""

    keys: HostKeys
    """This host's own."""
    contexts: Mapping[str, RemoteContext]
    moving: Mapping[str, Peer]
    """Contexts that are hosted here, and whose new hosts may call already. Nothing is asked of those."""
    tokens: ServiceTokens
    problems: Sequence[Problem] = ()
    """What is wrong with the settings that name them."""

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The ways to them."""
        return {name: context.peer for name, context in self.contexts.items()}

    @property
    def may_call(self) -> bool:
        """Whether there is anybody who may."""
        return bool(self.contexts or self.moving)

    async def asker_of(self, request: Request, publisher: str) -> str:
        """The remote context that sends a request to `publisher`, which is hosted here.

        Raises:
            AuthenticationError: nobody says so, or nobody we believe.
            UnavailableError: the keys by which we would know can't be had right now.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise refused()
        return await self.tokens.asker(token.strip(), publisher)

    async def close(self) -> None:
        """Close every connection to them."""
        for peer in (*self.peers.values(), *self.moving.values()):
            await peer.close()


def remotes_of(
    settings: HostSettings,
    hosted: Collection[str] = (),
    *,
    clock: Clock | None = None,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> Remotes:
    """The remotes that these settings name, beside the contexts that are `hosted` here. Connects to none of them.

    `transports` take the place of the network, by context, for tests in one process.
    """
    file = settings.data_dir / SECRET_FILE
    keys = HostKeys(ServerSecret(settings.host_secret, settings.host_secret_previous, file=file))
    clock = clock or SystemClock()
    own = OwnTokens(keys, clock)
    listed = settings.remotes or {}
    peers = {
        name: Peer(name, remote.url, own, transport=(transports or {}).get(name)) for name, remote in listed.items()
    }
    moving = {name: peer for name, peer in peers.items() if listed[name].moving and name in hosted}
    return Remotes(
        keys=keys,
        contexts={
            name: RemoteContext(peer, optional=listed[name].optional, vouches=listed[name].vouches)
            for name, peer in peers.items()
            if name not in moving
        },
        moving=moving,
        tokens=ServiceTokens({name: peer.keys.find for name, peer in peers.items()}, clock),
        problems=tuple(unsound_remotes(settings, hosted)),
    )
