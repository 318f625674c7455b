"""Holds the queries that one context publishes against the rules of ADR 0023."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hedgerow_core.application import Bus
from hedgerow_core.plugin import Handlers
from hedgerow_core.questions import PublishedQuery
from hedgerow_host.problems import Problem

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def unsound_answers(context: str, handlers: Handlers, bus: Bus) -> list[Problem]:
    """Published queries that break a rule: their name, their documentation, their models, their handler."""
    seen: set[tuple[str, int]] = set()
    problems = []
    for published in handlers.answers:
        contract = published.contract
        problems += [
            Problem(
                subject=f"{contract.query_name} v{contract.query_version}",
                what=what,
                sources=(f"{contract.__module__}:{contract.__qualname__}",),
                fix=fix,
                contexts=(context,),
            )
            for what, fix in _faults(context, published, bus, seen)
        ]
        seen.add((contract.query_name, contract.query_version))
    return problems


def _faults(
    context: str, published: PublishedQuery, bus: Bus, seen: set[tuple[str, int]]
) -> Iterator[tuple[str, str]]:
    contract = published.contract
    owner, _, query = contract.query_name.partition(".")
    if owner != context or not _NAME.fullmatch(query):
        yield f"is not a name for a query of {context}", f"name it {context}.what_comes_back"
    if (contract.query_name, contract.query_version) in seen:
        yield "is answered twice", "delete one of the two, or give it another version"
    if not (contract.__doc__ or "").strip():
        yield "does not say what it answers", "write it into the docstring of the contract"
    for model in (contract, contract.answer):
        if not model.model_config.get("frozen"):
            yield f"{model.__qualname__} can be changed on its way", "leave `frozen` on in its model_config"
    if published.query not in bus.messages:
        yield (
            f"is answered by {published.query.__qualname__}, which nobody handles",
            "declare its handler in `queries` of the hook `handlers`",
        )
