"""What all contexts of a process share: permissions, whose tokens are believed, and who answers whom.

It is made of the contexts that are in, and made anew when one has to leave, so that nothing of it stays behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hedgerow_core.http import Gate
from hedgerow_core.identity import RemoteIdentity
from hedgerow_core.observability import log_of
from hedgerow_core.questions import Desk, Transport
from hedgerow_core.security import PermissionTable, TokenIssuer
from hedgerow_host.admin.permissions import PERMISSIONS
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.published_queries import answering, open_lines
from hedgerow_host.wire.remote_context import RemoteContext

Claim = TypeVar("Claim")

_log = log_of(__name__)


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
    elsewhere: list[RemoteIdentity] = field(default_factory=list)
    """The contexts on other hosts, which have a say, too, from when they are heard."""

    def settle(self, contexts: Sequence[HostedContext]) -> None:
        """Hold what these contexts bring, and nothing else."""
        self.heed(contexts)
        self.answers.clear()
        self.answers.update(answering(contexts))
        for name, remote in self.remote.items():
            remote.relying = [context.name for context in contexts if name in context.neighbours]
        open_lines(contexts, self.desks, self.answers, self.remote)

    def heed(self, contexts: Sequence[HostedContext]) -> None:
        """Believe whom these contexts vouch for, and those elsewhere. What is here comes before what is there."""
        here = [*self.issuers, *(issuer for context in contexts for issuer in context.issuers)]
        there = [issuer for identity in self.elsewhere for issuer in identity.issuers]
        keys_here = [authority for context in contexts for authority in context.key_authorities]
        keys_there = [authority for identity in self.elsewhere for authority in identity.key_authorities]
        self.permissions.declare(
            [
                *PERMISSIONS,
                *(each for identity in self.elsewhere for each in identity.permissions),
                *(each for context in contexts for each in context.loaded.manifest.permissions),
            ],
            [*(context.name for context in contexts), *self.remote],
            unheard=[identity.context for identity in self.elsewhere if not identity.is_known],
        )
        self.gate.believe(
            issuers=[*_first_of_each([*here, *there], lambda issuer: issuer.issuer)],
            keys=[*_first_of_each([*keys_here, *keys_there], lambda authority: authority.prefix)],
            cookies=[
                *(mode for context in contexts for mode in context.cookies),
                *(mode for identity in self.elsewhere for mode in identity.cookies),
            ],
            complete=all(identity.is_known for identity in self.elsewhere if identity.may_vouch),
        )


def _first_of_each(claims: Sequence[Claim], name_of: Callable[[Claim], str]) -> Iterable[Claim]:
    """The claims to names that nobody before has claimed. Two contexts here were refused for it at start."""
    first: dict[str, Claim] = {}
    for claim in claims:
        if first.setdefault(name_of(claim), claim) is not claim:
            _log.error("identity_claimed_twice", name=name_of(claim))
    return first.values()
