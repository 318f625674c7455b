"""What contexts that can be composed still lack together: who listens, asks and publishes past the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hedgerow_host.assembly import Assembly
from hedgerow_host.checks.contract_files import contract_files
from hedgerow_host.checks.findings import HOST, Finding, place_among
from hedgerow_host.completeness import absent_publishers
from hedgerow_host.contract_breaks import ContractBreak
from hedgerow_host.problems import Problem, SettingProblem
from hedgerow_host.published_queries import unanswered


def publishers_that_are_absent(assembly: Assembly) -> Iterator[Finding]:
    """A subscription to a context that is not hosted here."""
    absent = absent_publishers(
        {context.name: context.subscriptions for context in assembly.contexts}, assembly.peers
    )
    for context in assembly.contexts:
        for subscription in (one for one in absent if one in context.subscriptions.subscribes):
            yield Finding(
                context=context.name,
                number="W001",
                subject=subscription.name,
                what=f"listens to {subscription.event}, and {subscription.publisher} is not hosted here",
                fix=f"host {subscription.publisher}, or say where it lives: {_url_of(subscription.publisher)}; "
                "a host on the same database will do, too",
            )


def questions_that_nobody_answers(assembly: Assembly) -> Iterator[Finding]:
    """A question to a context that is not hosted here."""
    for context in assembly.contexts:
        for question in unanswered(context, [*assembly.names, *assembly.peers]):
            yield Finding(
                context=context.name,
                number="W003",
                subject=question.query,
                what=f"is asked by {context.name}, and {question.publisher} is not hosted here",
                fix=f"host {question.publisher}, or say where it lives: {_url_of(question.publisher)}; until then "
                "asking fails with query_not_here",
            )


def _url_of(context: str) -> str:
    return f"HEDGEROW_REMOTES__{context.upper()}__URL=https://…"


def versions_that_are_too_new(assembly: Assembly) -> Iterator[Finding]:
    """A subscription that reads one version of an event whose publisher also publishes a newer one."""
    published = [event for context in assembly.contexts for event in context.subscriptions.publishes]
    for context in assembly.contexts:
        for wanted in context.subscriptions.subscribes:
            versions = [event.event_version for event in published if event.event_type == wanted.event]
            newest = max(versions, default=0)
            if newest > wanted.version:
                yield Finding(
                    context=context.name,
                    number="W002",
                    subject=wanted.name,
                    what=f"reads {wanted.event} up to version {wanted.version}, but {newest} is published",
                    fix="read the newest version, and lift older ones by `upcasts`; what is too new ends dead",
                )


def events_that_nobody_hears(assembly: Assembly) -> Iterator[Finding]:
    """A published event without a subscription here. Others may listen; it is only said."""
    heard = {wanted.event for context in assembly.contexts for wanted in context.subscriptions.subscribes}
    for context in assembly.contexts:
        for event in sorted({event.event_type for event in context.subscriptions.publishes} - heard):
            yield Finding(
                context=context.name,
                number="N001",
                subject=event,
                what="is published, and nobody here subscribes to it",
                fix="nothing, if others do or will",
            )


CHECKS = (
    contract_files,
    publishers_that_are_absent,
    questions_that_nobody_answers,
    versions_that_are_too_new,
    events_that_nobody_hears,
)
"""Each takes the composition and returns its findings."""


def of_problem(problem: Problem, contexts: Collection[str]) -> Finding:
    """A problem of composition as a finding. `contexts` are the names of those that are installed."""
    place, sources = place_among(problem.sources)
    context = next(iter(problem.contexts), problem.subject.partition(".")[0])
    number = "E005" if isinstance(problem, SettingProblem) else "E001"
    if isinstance(problem, ContractBreak):
        context, number = problem.consumer, "E002"
    return Finding(
        context=context if context in contexts else HOST,
        number=number,
        subject=problem.subject,
        what=problem.what,
        fix=problem.fix,
        sources=sources,
        place=place,
    )
