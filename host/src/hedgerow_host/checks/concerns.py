"""What contexts say about themselves: their hook `checks`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedgerow_core.application.concerns import Concern
from hedgerow_host.checks.composition import of_problem
from hedgerow_host.checks.findings import Finding
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.problems import CompositionError


def concerns_of(context: HostedContext, *, deploy: bool) -> Iterator[Finding]:
    """The concerns of a context; those about production only if it is about that."""
    try:
        concerns: Sequence[Concern] = context.loaded.call("checks", container=context.container) or ()
    except CompositionError as error:
        yield from (of_problem(problem, {context.name}) for problem in error.problems)
        return
    for concern in concerns:
        if deploy or not concern.in_production:
            yield Finding(
                context=context.name,
                number=concern.number,
                subject=concern.subject,
                what=concern.what,
                fix=concern.fix,
            )
