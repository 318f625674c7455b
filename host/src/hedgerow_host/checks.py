"""What `hedgerow check` looks at. A check is one function: it takes the composition and returns its findings.

To add one: write the function, list it in CHECKS, give its findings the next number, and put that number into the
reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hedgerow_host.assembly import Assembly
from hedgerow_host.completeness import absent_publishers
from hedgerow_host.contract_breaks import ContractBreak
from hedgerow_host.contracts import CONTRACT_FILE, as_json, contract_file, contract_of
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.published_queries import unanswered


class Level(StrEnum):
    """How bad it is."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has to say."""

    context: str
    number: str
    """What kind of finding, always the same: `E003`. The letter is that of its level: E, W or N."""
    subject: str
    what: str
    fix: str
    sources: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`billing.E003`."""
        return f"{self.context}.{self.number}"

    @property
    def level(self) -> Level:
        """Error, warning or note."""
        return {"E": Level.ERROR, "W": Level.WARNING, "N": Level.NOTE}[self.number[0]]


def check(compose: Callable[[], Assembly], contexts: Iterable[str]) -> list[Finding]:
    """Everything that is found, the worst first. `contexts` are the names of those that are installed.

    A composition that fails is looked at no further: what doesn't fit together can't be judged in parts.
    """
    try:
        assembly = compose()
    except CompositionError as error:
        return [_of_problem(problem, set(contexts)) for problem in error.problems]
    found = [finding for one in CHECKS for finding in one(assembly)]
    found += [
        _of_problem(problem, set(contexts)) for left in assembly.quarantine.problems.values() for problem in left
    ]
    return sorted(found, key=lambda finding: (-list(Level).index(finding.level), finding.id, finding.subject))


def contract_files(assembly: Assembly) -> Iterator[Finding]:
    """A `contract.json` that is missing, or is not what the context declares."""
    for context in assembly.contexts:
        written, declared = _written(context), contract_text(context)
        subject = f"{context.loaded.module.__package__ or context.loaded.module.__name__}/{CONTRACT_FILE}"
        fix = f"hedgerow contracts write --context {context.name}, and ship the file with the package"
        if written is None:
            yield Finding(
                context=context.name, number="E003", subject=subject, what="is missing from the package", fix=fix
            )
        elif written != declared:
            what = f"is stale: it differs in {_first_difference(written, declared)}"
            yield Finding(context=context.name, number="E004", subject=subject, what=what, fix=fix)


def publishers_that_are_absent(assembly: Assembly) -> Iterator[Finding]:
    """A subscription to a context that is not hosted here."""
    absent = absent_publishers({context.name: context.subscriptions for context in assembly.contexts})
    for context in assembly.contexts:
        for subscription in (one for one in absent if one in context.subscriptions.subscribes):
            yield Finding(
                context=context.name,
                number="W001",
                subject=subscription.name,
                what=f"listens to {subscription.event}, and {subscription.publisher} is not hosted here",
                fix=f"host {subscription.publisher}, or see that another host runs it on the same database",
            )


def questions_that_nobody_answers(assembly: Assembly) -> Iterator[Finding]:
    """A question to a context that is not hosted here."""
    for context in assembly.contexts:
        for question in unanswered(context, assembly.names):
            yield Finding(
                context=context.name,
                number="W003",
                subject=question.query,
                what=f"is asked by {context.name}, and {question.publisher} is not hosted here",
                fix=f"host {question.publisher}; until then asking fails with query_not_here",
            )


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


CHECKS: tuple[Callable[[Assembly], Iterable[Finding]], ...] = (
    contract_files,
    publishers_that_are_absent,
    questions_that_nobody_answers,
    versions_that_are_too_new,
    events_that_nobody_hears,
)


def contract_text(context: HostedContext) -> str:
    """The `contract.json` that a context should have."""
    version = context.loaded.manifest.version
    return as_json(contract_of(context.name, version, context.subscriptions, context.handlers))


def _written(context: HostedContext) -> str | None:
    file = contract_file(context.loaded.module)
    return file.read_text(encoding="utf-8") if file is not None and file.is_file() else None


def _first_difference(written: str, declared: str) -> str:
    """Where in the file somebody may begin to look."""
    try:
        was, now = json.loads(written), json.loads(declared)
        parts = [
            *((part, was[part], now[part]) for part in ("context", "version")),
            *_entries(was, now, "publishes", ("type", "version")),
            *_entries(was, now, "subscribes", ("subscription",)),
            *_entries(was, now, "answers", ("query", "version")),
            *_entries(was, now, "asks", ("query", "version")),
        ]
    except (ValueError, KeyError, TypeError):
        return "its form"
    return next((part for part, before, after in parts if before != after), "its layout")


def _entries(
    was: dict[str, list[dict[str, object]]],
    now: dict[str, list[dict[str, object]]],
    part: str,
    key: tuple[str, ...],
) -> Iterator[tuple[str, object, object]]:
    before, after = (
        {tuple(entry[word] for word in key): entry for entry in whole.get(part, ())} for whole in (was, now)
    )
    for name in dict.fromkeys((*before, *after)):
        yield f"`{part}` {' v'.join(map(str, name))}", before.get(name), after.get(name)


def _of_problem(problem: Problem, contexts: set[str]) -> Finding:
    first = problem.consumer if isinstance(problem, ContractBreak) else problem.subject.partition(".")[0]
    return Finding(
        context=first if first in contexts else "host",
        number="E002" if isinstance(problem, ContractBreak) else "E001",
        subject=problem.subject,
        what=problem.what,
        fix=problem.fix,
        sources=problem.sources,
    )
