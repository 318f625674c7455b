"""Brings together who asks and who answers, once, at start; what can't be asked is found here and not by a user."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hedgerow_core.questions import Answering, Desk, PublishedQuery, Question
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.problems import Problem

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def unsound_answers(contexts: Sequence[HostedContext]) -> list[Problem]:
    """Published queries that break a rule: their name, their documentation, their models, their handler."""
    return [problem for context in contexts for problem in _unsound(context)]


def missing_answers(contexts: Sequence[HostedContext], hosted: Collection[str]) -> list[Problem]:
    """Questions that an asker can't do without, to contexts that are not hosted here."""
    return [
        Problem(
            subject=context.name,
            what=f"requires an answer to {question.query}, and {question.publisher} is not hosted here",
            sources=(f"handlers of {context.name}",),
            fix=f"install {question.publisher} and list it in HEDGEROW_CONTEXTS, or leave {context.name} out",
        )
        for context in contexts
        for question in unanswered(context, hosted)
        if question.required
    ]


def unanswered(context: HostedContext, hosted: Collection[str]) -> list[Question[Any]]:
    """What a context asks of others that are not hosted here: legitimate, but asking it fails."""
    return [question for question in context.handlers.asks if question.publisher not in hosted]


def open_lines(contexts: Sequence[HostedContext], desks: Mapping[str, Desk]) -> None:
    """Give every asker its way to each query that it has declared."""
    answering = {
        (published.contract.query_name, published.contract.query_version): Answering(published, context.bus)
        for context in contexts
        for published in context.handlers.answers
    }
    for context in contexts:
        for question in context.handlers.asks:
            desks[context.name].open(question, answering.get((question.query, question.version)))


def _unsound(context: HostedContext) -> Iterator[Problem]:
    seen: set[tuple[str, int]] = set()
    for published in context.handlers.answers:
        contract = published.contract
        subject = f"{contract.query_name} v{contract.query_version}"
        source = f"{contract.__module__}:{contract.__qualname__}"
        for what, fix in _faults(context, published, seen):
            yield Problem(subject=subject, what=what, sources=(source,), fix=fix)
        seen.add((contract.query_name, contract.query_version))


def _faults(
    context: HostedContext, published: PublishedQuery, seen: set[tuple[str, int]]
) -> Iterator[tuple[str, str]]:
    contract = published.contract
    owner, _, query = contract.query_name.partition(".")
    if owner != context.name or not _NAME.fullmatch(query):
        yield f"is not a name for a query of {context.name}", f"name it {context.name}.what_comes_back"
    if (contract.query_name, contract.query_version) in seen:
        yield "is answered twice", "delete one of the two, or give it another version"
    if not (contract.__doc__ or "").strip():
        yield "does not say what it answers", "write it into the docstring of the contract"
    for model in (contract, contract.answer):
        if not model.model_config.get("frozen"):
            yield f"{model.__qualname__} can be changed on its way", "leave `frozen` on in its model_config"
    if published.query not in context.bus.messages:
        yield (
            f"is answered by {published.query.__qualname__}, which nobody handles",
            "declare its handler in `queries` of the hook `handlers`",
        )
