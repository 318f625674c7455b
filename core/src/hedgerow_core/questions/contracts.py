"""What contexts declare about questions: those that they answer, and those that they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Generic, final

from pydantic import BaseModel, ConfigDict

from hedgerow_core.application import Query
from hedgerow_core.application.questions import Answer

DEADLINE = timedelta(seconds=5)
"""How long an asker waits unless it says so: longer than a slow statement, shorter than anybody's patience."""


class AnswerContract(BaseModel):
    """The published shape of an answer, in primitives only. Askers know it by schema, and read it their own way."""

    model_config = ConfigDict(frozen=True)


class QueryContract(BaseModel):
    """The published shape of one question: its fields are the parameters, its docstring says what is answered.

    `query_name` is `{context}.{query}`; `query_version` grows when a parameter or a part of the answer goes or
    changes its meaning. A parameter that is not known is refused: to ignore it could answer another question.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query_name: ClassVar[str]
    query_version: ClassVar[int] = 1
    answer: ClassVar[type[AnswerContract]]
    repeatable: ClassVar[bool] = False
    """Whether it may be asked twice where once was meant: then a question to another host that was lost on its way
    is sent again, within the deadline of who asks. No: answering it is costly, or leaves something behind."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedQuery:
    """Binds a published question to one of the context's own queries. Every context of the host may ask it."""

    contract: type[QueryContract]
    query: type[Query[Any]]
    """Which of the context's queries answers it. A handler for it is declared beside."""
    ask: Callable[[Any], Query[Any]]
    """The context's own query, from the contract with its parameters."""
    answer: Callable[[Any], AnswerContract]
    """The published answer, from what the handler answered."""


@final
@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """A published query that a context asks, and the model that it reads the answer with."""

    query: str
    as_: type[Answer]
    version: int = 1
    required: bool = False
    """Whether the context is of no use without an answer: then the host does not start without the other one."""
    deadline: timedelta = DEADLINE

    @property
    def publisher(self) -> str:
        """The context that answers."""
        return self.query.partition(".")[0]
