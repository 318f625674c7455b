"""For whom the contexts on other hosts vouch, believed here as if they were hosted here (ADR 0035)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from hedgerow_core.identity import HomeOverTheWire, RemoteIdentity
from hedgerow_host.assembly import Assembly


def identities_of(assembly: Assembly) -> Sequence[RemoteIdentity]:
    """One for each context that lives elsewhere, and not here, too, as in a test.

    Where somebody vouches for callers here, nobody elsewhere does unless the operator says so: a host that keeps
    accounts does not believe the makings of whoever it lets ask.
    """
    somebody_here = any(context.issuers or context.key_authorities for context in assembly.contexts)
    return [
        RemoteIdentity(
            name,
            HomeOverTheWire(remote.peer, [*remote.relying, *assembly.names, name][0]),
            assembly.limiter,
            may_vouch=not somebody_here if remote.vouches is None else remote.vouches,
        )
        for name, remote in assembly.remotes.contexts.items()
        if name not in assembly.names
    ]


async def heard_once(assembly: Assembly) -> None:
    """Ask all remotes, once, for a command that knows by them what there is to be permitted."""
    identities = identities_of(assembly)
    await asyncio.gather(*(identity.hear() for identity in identities), return_exceptions=True)
    assembly.common.elsewhere[:] = identities
    assembly.common.heed(assembly.contexts)


@asynccontextmanager
async def listening(assembly: Assembly) -> AsyncIterator[None]:
    """Keep level with all remotes while the body runs. Only a process that serves requests needs to.

    Whom a remote that was not heard yet vouches for is not known, and nobody is refused for good until then.
    """
    identities = identities_of(assembly)
    assembly.common.elsewhere[:] = identities

    def settle() -> None:
        assembly.common.heed(assembly.contexts)

    async with AsyncExitStack() as stack:
        for identity in identities:
            identity.when_changed = settle
            await stack.enter_async_context(identity.running())
        settle()
        yield
