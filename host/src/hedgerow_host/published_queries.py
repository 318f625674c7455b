"""Brings together who asks and who answers, once, at start; what can't be asked is found here and not by a user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hedgerow_core.questions import Answering, Desk, Question, Transport
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.problems import Problem
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.wire.unsound_remotes import variable_of_remote


def missing_answers(
    contexts: Sequence[HostedContext], hosted: Collection[str], quarantine: Quarantine
) -> list[Problem]:
    """Questions that an asker can't do without, to contexts that are neither hosted here nor remote."""
    return [
        Problem(
            subject=context.name,
            what=f"requires an answer to {question.query}, and {quarantine.absence(question.publisher)}",
            sources=(f"handlers of {context.name}",),
            fix=f"install {question.publisher} and list it in HEDGEROW_CONTEXTS, say where it lives with "
            f"{variable_of_remote(question.publisher)}, or leave {context.name} out",
            contexts=(context.name,),
        )
        for context in contexts
        for question in unanswered(context, hosted)
        if question.required
    ]


def unanswered(context: HostedContext, hosted: Collection[str]) -> list[Question[Any]]:
    """What a context asks of others that are not hosted here: legitimate, but asking it fails."""
    return [question for question in context.handlers.asks if question.publisher not in hosted]


def answering(contexts: Sequence[HostedContext]) -> dict[tuple[str, int], Answering]:
    """Whatever answers here, by query and version."""
    return {
        (published.contract.query_name, published.contract.query_version): Answering(published, context.bus)
        for context in contexts
        for published in context.handlers.answers
    }


def open_lines(
    contexts: Sequence[HostedContext],
    desks: Mapping[str, Desk],
    answers: Mapping[tuple[str, int], Transport],
    remote: Mapping[str, Transport],
) -> None:
    """Give every asker its way to each query that it has declared: to another host, if its context lives there."""
    for context in contexts:
        for question in context.handlers.asks:
            there = remote.get(question.publisher)
            desks[context.name].open(question, there or answers.get((question.query, question.version)))
