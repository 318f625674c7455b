"""What is asked crosses a border, also inside one process: only JSON goes over it, both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from core.tests.questions.orchard import A_TREE, ANSWER, GET_TREE, LookUpTree, Orchard, Tree, TreeV1, raises
from hedgerow_core.application import Cause, caused_by
from hedgerow_core.application.questions import (
    InvalidParameters,
    QueryNotHere,
    QueryTooSlow,
    QuestionFailed,
    UndeclaredQuestion,
)
from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    DomainError,
    NotFoundError,
    PreconditionError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from hedgerow_core.domain.errors import RetryableError
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.questions import (
    AskedQuery,
    Desk,
    Question,
)
from hedgerow_core.wire import PeerAway


async def test_the_answer_arrives_in_the_model_of_the_asker_and_not_as_it_was_given() -> None:
    orchard = Orchard()

    answer = await orchard.desk().ask("orchard.get_tree", A_TREE, as_=Tree)

    assert (type(answer), answer) == (Tree, ANSWER)
    assert orchard.asked == [LookUpTree(tree_id=A_TREE["tree_id"])]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"tree_id": "no id"}, "tree_id"), ({}, "tree_id"), (A_TREE | {"made_up": 1}, "made_up")],
)
async def test_parameters_that_are_not_taken_never_reach_the_handler(
    parameters: dict[str, object], field: str
) -> None:
    orchard = Orchard()

    with pytest.raises(InvalidParameters) as refused:
        await orchard.desk().ask("orchard.get_tree", parameters, as_=Tree)

    assert refused.value.field == field
    assert orchard.asked == []


async def test_parameters_that_json_can_not_carry_are_refused_before_they_leave() -> None:
    with pytest.raises(InvalidParameters):
        await Orchard().desk().ask("orchard.get_tree", {"tree_id": object()}, as_=Tree)


class TreeFelled(ConflictError):
    code = "orchard.tree_felled"

    def __init__(self) -> None:
        super().__init__("The tree is felled. Ask for another", details={"year": 1999})


WAIT = timedelta(seconds=7)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TreeFelled(), ConflictError),
        (ValidationError("Too old", field="age", code="orchard.too_old"), ValidationError),
        (AuthenticationError("Who?"), AuthenticationError),
        (AuthorizationError("No"), AuthorizationError),
        (NotFoundError("None", code="orchard.no_tree"), NotFoundError),
        (PreconditionError(3), PreconditionError),
        (RateLimitError("Slowly", retry_after=WAIT), RateLimitError),
        (UnavailableError("Frost", retry_after=WAIT), UnavailableError),
        (RetryableError("Later", retry_after=WAIT, code="orchard.later"), RetryableError),
        (DomainError("A rule", code="orchard.rule"), DomainError),
    ],
)
async def test_an_error_keeps_kind_code_message_and_details_and_leaves_its_class_at_home(
    error: DomainError, kind: type[DomainError]
) -> None:
    with pytest.raises(DomainError) as raised:
        await Orchard(raises(error)).desk().ask("orchard.get_tree", A_TREE, as_=Tree)

    arrived = raised.value
    assert type(arrived) is kind
    assert arrived is not error
    assert (arrived.code, arrived.message, arrived.details) == (error.code, error.message, error.details)
    if isinstance(error, RetryableError):
        assert isinstance(arrived, RetryableError)
        assert arrived.retry_after == WAIT


async def test_what_nobody_foresaw_is_told_by_the_log_of_the_publisher_and_to_nobody_else() -> None:
    desk = Orchard(raises(RuntimeError("the secret of the orchard"))).desk()
    with capture_logs() as logs, pytest.raises(QuestionFailed) as failed:
        await desk.ask("orchard.get_tree", A_TREE, as_=Tree)

    assert "secret" not in str(failed.value)
    (line,) = [line for line in logs if line["event"] == "query_failed"]
    assert (line["query"], line["asker"], line["exc_info"]) == ("orchard.get_tree", "press", True)


async def test_an_answer_that_the_asker_can_not_read_is_a_failure_of_its_own() -> None:
    class Taller(BaseModel):
        height: int

    question = Question("orchard.get_tree", as_=Taller)
    with pytest.raises(QuestionFailed, match="not as press reads it"):
        await Orchard().desk(question).ask("orchard.get_tree", A_TREE, as_=Taller)


async def test_who_waits_longer_than_declared_is_told_so_and_the_handler_is_stopped() -> None:
    slow = Orchard(slow_s=5)
    question = Question("orchard.get_tree", as_=Tree, deadline=timedelta(milliseconds=20))

    with pytest.raises(QueryTooSlow) as late:
        await slow.desk(question).ask("orchard.get_tree", A_TREE, as_=Tree)

    assert late.value.code == "query_too_slow"
    in_time = Question("orchard.get_tree", as_=Tree, deadline=timedelta(seconds=5))
    assert await Orchard(slow_s=0.02).desk(in_time).ask("orchard.get_tree", A_TREE, as_=Tree) == ANSWER


async def test_a_timeout_inside_the_handler_is_not_taken_for_the_deadline() -> None:
    with pytest.raises(QuestionFailed):
        await Orchard(raises(TimeoutError())).desk().ask("orchard.get_tree", A_TREE, as_=Tree)


async def test_a_timeout_on_the_way_is_not_taken_for_the_deadline_either() -> None:
    async def broken(_asked: AskedQuery, /) -> bytes:
        raise TimeoutError("of its own")

    desk = Desk("press")
    desk.open(GET_TREE, broken)

    with pytest.raises(TimeoutError, match="of its own"):
        await desk.ask("orchard.get_tree", A_TREE, as_=Tree)


async def test_a_query_that_nobody_here_answers_says_what_to_do() -> None:
    desk = Desk("press")
    desk.open(GET_TREE, None)

    with pytest.raises(QueryNotHere, match=r"orchard is not hosted here.*HEDGEROW_CONTEXTS") as away:
        await desk.ask("orchard.get_tree", A_TREE, as_=Tree)

    assert isinstance(away.value, UnavailableError)


@pytest.mark.parametrize(
    ("query", "version", "model"),
    [("orchard.get_hedge", 1, Tree), ("orchard.get_tree", 2, Tree), ("orchard.get_tree", 1, TreeV1)],
)
async def test_only_what_is_declared_can_be_asked(query: str, version: int, model: type[BaseModel]) -> None:
    orchard = Orchard()

    with pytest.raises(UndeclaredQuestion, match="press has not declared"):
        await orchard.desk().ask(query, A_TREE, as_=model, version=version)

    assert orchard.asked == []


async def test_the_question_carries_who_asks_and_why_and_nothing_of_the_request() -> None:
    carried: list[AskedQuery] = []
    orchard = Orchard()
    answering = orchard.transport()

    async def transport(asked: AskedQuery, /) -> bytes:
        carried.append(asked)
        return await answering(asked)

    desk = Desk("press")
    desk.open(GET_TREE, transport)
    traceparent = f"00-{'1' * 32}-{'2' * 16}-01"
    story = Cause(actor="ann", correlation_id="1" * 32, traceparent=traceparent)
    cause = replace(story, address="192.0.2.1", request_id="r", user_agent="curl")
    with caused_by(cause):
        await desk.ask("orchard.get_tree", A_TREE, as_=Tree)

    assert (carried[0].asker, carried[0].actor, carried[0].deadline) == ("press", "ann", GET_TREE.deadline)
    (met,) = orchard.causes
    assert met == replace(story, traceparent=met.traceparent)
    assert (met.traceparent or "")[3:35] == "1" * 32


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (lambda _query: "Quince", "answered"),
        (raises(TreeFelled()), "refused"),
        (raises(OSError()), "failed"),
        (raises(PeerAway("orchard")), "failed"),
    ],
)
async def test_questions_are_counted_by_how_they_ended(answers: Callable[[LookUpTree], Any], outcome: str) -> None:
    labels = {"context": "press", "query": "orchard.get_tree", "outcome": outcome}

    def counted() -> float:
        return REGISTRY.get_sample_value("hedgerow_question_duration_seconds_count", labels) or 0

    before = counted()
    try:
        await Orchard(answers).desk().ask("orchard.get_tree", A_TREE, as_=Tree)
    except (DomainError, QuestionFailed):
        assert outcome != "answered"
    assert counted() == before + 1
