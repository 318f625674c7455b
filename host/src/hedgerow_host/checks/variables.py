"""Finds settings that are misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hedgerow_host.checks.findings import HOST, Finding
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.unknown_variables import unknown_variables


def variables_that_nobody_reads(contexts: Iterable[HostedContext]) -> Iterator[Finding]:
    """A variable that begins like a setting of the host, or of one of these contexts, and is none."""
    for unknown in unknown_variables(contexts):
        yield Finding(
            context=unknown.context or HOST,
            number="W006",
            subject=unknown.name,
            what="is set, and no setting has this name",
            fix=unknown.fix,
        )
