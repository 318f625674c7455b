"""Asking another context, by name (ADR 0023): the port, and what may come back instead of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol, TypeVar

from pydantic import BaseModel

from hedgerow_core.domain import UnavailableError, ValidationError

Answer = TypeVar("Answer", bound=BaseModel)

LOOK_AGAIN_AFTER = timedelta(seconds=60)
"""A context that is not hosted comes with a new start of the host, and not sooner."""
ASK_AGAIN_AFTER = timedelta(seconds=1)
"""As for a database that is busy: what was slow once is mostly quick the next time."""


class Questions(Protocol):
    """Asks the published queries of other contexts. A context asks for itself, whoever made it ask.

    To be called outside of transactions: the answer may have to come from another host. Safe to repeat.
    """

    async def ask(
        self, query: str, parameters: Mapping[str, object], *, as_: type[Answer], version: int = 1
    ) -> Answer:
        """Ask `users.get_user`, and read of the answer what `as_`, the asker's own model, names.

        Query, version and model must be declared in the hook `handlers` (`asks`).

        Raises:
            InvalidParameters: the query does not take these.
            QueryNotHere: the context that answers it is not hosted here.
            QueryTooSlow: there was no answer within the declared deadline.
            DomainError: a rule of the other context. It keeps its kind (`NotFoundError`, …), code, message and
                details; its class stays at home.
            QuestionFailed: the other side broke, or its answer is not as `as_` reads it.
            UndeclaredQuestion: the question is not declared.
        """
        ...


class InvalidParameters(ValidationError):
    """A context asked another one with parameters that its query does not take; `errors` names the first.

    Fix: read `detail`.
    """

    code = "invalid_parameters"


class QueryNotHere(UnavailableError):
    """A context asked another one that is neither hosted here nor named by `HEDGEROW_REMOTES`, or whose host
    does not answer this query.

    Fix: operators: host it, or say where it lives; `hedgerow check` names it as W003.
    """

    code = "query_not_here"

    def __init__(self, query: str) -> None:
        context = query.partition(".")[0]
        super().__init__(
            f"{query} can't be asked: {context} is not hosted here. Install it and list it in HEDGEROW_CONTEXTS",
            retry_after=LOOK_AGAIN_AFTER,
            details={"query": query},
        )


class QueryTooSlow(UnavailableError):
    """Another context did not answer in time.

    Fix: wait for `Retry-After`; operators: `query_too_slow` in the log.
    """

    code = "query_too_slow"

    def __init__(self, query: str, deadline: timedelta) -> None:
        super().__init__(
            f"{query} was not answered within {deadline.total_seconds():g} s. Ask again",
            retry_after=ASK_AGAIN_AFTER,
            details={"query": query},
        )


class QuestionFailed(Exception):
    """Something unforeseen: a bug on the other side, or an answer that does not keep its contract."""


class UndeclaredQuestion(Exception):
    """A bug of the asker: what is asked must be declared, so that the host can look for it before it starts."""

    def __init__(self, asker: str, query: str, version: int, model: type) -> None:
        super().__init__(
            f"{asker} has not declared that it asks {query} version {version} as {model.__qualname__}. "
            f'Add Question("{query}", as_={model.__qualname__}) to `asks` of its hook `handlers`.'
        )
