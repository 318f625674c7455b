"""What is wrong between contexts, each of which is sound: one needs what is not there, or two want the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from hedgerow_host.completeness import broken_contracts
from hedgerow_host.discovery import unmet_requirements
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.problems import Problem
from hedgerow_host.published_queries import missing_answers
from hedgerow_host.quarantine import Quarantine


def needs_of(
    contexts: Sequence[HostedContext], hosted: Collection[str], quarantine: Quarantine
) -> Iterator[Problem]:
    """What contexts can't do without, and `hosted` does not have."""
    yield from unmet_requirements([context.loaded for context in contexts], hosted, quarantine)
    yield from missing_answers(contexts, hosted, quarantine)


def clashes_of(contexts: Sequence[HostedContext]) -> Iterator[Problem]:
    """Contracts that are broken, and names that two contexts claim."""
    yield from broken_contracts(context.contract for context in contexts)
    yield from _named_twice(
        [(context.name, issuer.issuer) for context in contexts for issuer in context.issuers],
        what="is an issuer of tokens for two contexts",
        fix="let one of them vouch for it",
    )
    yield from _named_twice(
        [(context.name, authority.prefix) for context in contexts for authority in context.key_authorities],
        what="is the prefix of two contexts' keys",
        fix="give the keys of one of them another prefix",
    )


def _named_twice(names: Iterable[tuple[str, str]], *, what: str, fix: str) -> Iterator[Problem]:
    """`names` are pairs of a context and something that it calls its own."""
    first: dict[str, str] = {}
    for context, name in names:
        other = first.setdefault(name, context)
        if other != context:
            yield Problem(
                subject=name,
                what=what,
                sources=(f"authenticators of {other}", f"authenticators of {context}"),
                fix=fix,
                contexts=(other, context),
            )
