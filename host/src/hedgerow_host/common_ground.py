"""What all contexts of a process share: permissions, whose tokens are believed, and who answers whom.

It is made of the contexts that are in, and made anew when one has to leave, so that nothing of it stays behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hedgerow_core.http import Gate
from hedgerow_core.questions import Desk, Transport
from hedgerow_core.security import PermissionTable, TokenIssuer
from hedgerow_host.admin.permissions import PERMISSIONS
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.published_queries import answering, open_lines
from hedgerow_host.wire.remote_context import RemoteContext


@dataclass(frozen=True, slots=True)
class CommonGround:
    """What the host and the contexts' containers hold on to; its contents may change, it stays the same."""

    permissions: PermissionTable
    gate: Gate
    desks: Mapping[str, Desk]
    issuers: Sequence[TokenIssuer] = ()
    """Whose tokens are believed, whoever is in."""
    remote: Mapping[str, RemoteContext] = field(default_factory=dict)
    """The contexts that live on other hosts."""
    answers: dict[tuple[str, int], Transport] = field(default_factory=dict)
    """What answers here, by query and version."""

    def settle(self, contexts: Sequence[HostedContext]) -> None:
        """Hold what these contexts bring, and nothing else."""
        self.permissions.declare(
            [*PERMISSIONS, *(each for context in contexts for each in context.loaded.manifest.permissions)],
            [context.name for context in contexts],
        )
        self.gate.believe(
            issuers=[*self.issuers, *(issuer for context in contexts for issuer in context.issuers)],
            keys=[authority for context in contexts for authority in context.key_authorities],
            cookies=[mode for context in contexts for mode in context.cookies],
        )
        self.answers.clear()
        self.answers.update(answering(contexts))
        for name, remote in self.remote.items():
            remote.relying = [context.name for context in contexts if name in context.neighbours]
        open_lines(contexts, self.desks, self.answers, self.remote)
