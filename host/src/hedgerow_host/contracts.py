"""What contexts publish, read, answer and ask, as plain data: the `contract.json` in each package (ADR 0009).

With these files two builds can be compared without importing either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import Any

from pydantic.errors import PydanticUserError

from hedgerow_core.messaging.contracts import published_schema, reader_schema
from hedgerow_core.plugin import Handlers, Subscriptions
from hedgerow_host.problems import CompositionError, Problem

CONTRACT_FILE = "contract.json"

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedEvent:
    """One version of an event that a context publishes."""

    type: str
    version: int
    schema: JsonSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEvent:
    """A subscription, and what its own model reads of the event."""

    subscription: str
    event: str
    version: int
    oldest: int
    """The oldest version that its upcasts can lift to `version`."""
    schema: JsonSchema

    @property
    def publisher(self) -> str:
        """The context that publishes the event."""
        return self.event.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuery:
    """One version of a query that a context answers."""

    query: str
    version: int
    parameters: JsonSchema
    """What it accepts."""
    answer: JsonSchema
    repeatable: bool = False
    """Whether it may be asked twice where once was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAnswer:
    """A question that a context asks, and what its own model reads of the answer."""

    query: str
    version: int
    schema: JsonSchema

    @property
    def publisher(self) -> str:
        """The context that answers."""
        return self.query.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextContract:
    """All that a context promises and relies on; sorted, so that it is written the same way every time."""

    context: str
    version: str
    publishes: tuple[PublishedEvent, ...] = ()
    subscribes: tuple[WantedEvent, ...] = ()
    answers: tuple[AnsweredQuery, ...] = ()
    asks: tuple[WantedAnswer, ...] = ()


def contract_of(
    context: str, version: str, declared: Subscriptions, handlers: Handlers | None = None
) -> ContextContract:
    """The contract that a context's declarations make.

    Raises:
        CompositionError: a model has a type that JSON Schema doesn't know.
    """
    published = [
        PublishedEvent(
            type=event.event_type,
            version=event.event_version,
            schema=_schema(event.event_type, published_schema, event),
        )
        for event in declared.publishes
    ]
    wanted = [
        WantedEvent(
            subscription=subscription.name,
            event=subscription.event,
            version=subscription.version,
            oldest=subscription.oldest_version,
            schema=_schema(subscription.name, reader_schema, subscription.model),
        )
        for subscription in declared.subscribes
    ]
    answers = [
        AnsweredQuery(
            query=answered.contract.query_name,
            version=answered.contract.query_version,
            parameters=_schema(answered.contract.query_name, reader_schema, answered.contract),
            answer=_schema(answered.contract.query_name, published_schema, answered.contract.answer),
            repeatable=answered.contract.repeatable,
        )
        for answered in (handlers.answers if handlers else ())
    ]
    asks = [
        WantedAnswer(
            query=question.query,
            version=question.version,
            schema=_schema(f"{context} asks {question.query}", reader_schema, question.as_),
        )
        for question in (handlers.asks if handlers else ())
    ]
    return ContextContract(
        context=context,
        version=version,
        publishes=tuple(sorted(published, key=lambda event: (event.type, event.version))),
        subscribes=tuple(sorted(wanted, key=lambda event: event.subscription)),
        answers=tuple(sorted(answers, key=lambda one: (one.query, one.version))),
        asks=tuple(sorted(asks, key=lambda one: (one.query, one.version, json.dumps(one.schema, sort_keys=True)))),
    )


def as_json(contract: ContextContract) -> str:
    """The text of the context's `contract.json`."""
    whole: dict[str, Any] = {
        "context": contract.context,
        "version": contract.version,
        "publishes": [
            {"type": event.type, "version": event.version, "schema": _ordered(event.schema)}
            for event in contract.publishes
        ],
        "subscribes": [
            {
                "subscription": wanted.subscription,
                "event": wanted.event,
                "version": wanted.version,
                **({"oldest_version": wanted.oldest} if wanted.oldest != wanted.version else {}),
                "schema": _ordered(wanted.schema),
            }
            for wanted in contract.subscribes
        ],
    }
    if contract.answers:
        whole["answers"] = [
            {
                "query": one.query,
                "version": one.version,
                **({"repeatable": True} if one.repeatable else {}),
                "parameters": _ordered(one.parameters),
                "answer": _ordered(one.answer),
            }
            for one in contract.answers
        ]
    if contract.asks:
        whole["asks"] = [
            {"query": one.query, "version": one.version, "schema": _ordered(one.schema)} for one in contract.asks
        ]
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> ContextContract:
    """The contract in the text of a `contract.json`.

    Raises:
        ValueError: it is none.
    """
    try:
        whole = json.loads(text)
        return ContextContract(
            context=whole["context"],
            version=whole["version"],
            publishes=tuple(
                PublishedEvent(type=event["type"], version=event["version"], schema=event["schema"])
                for event in whole["publishes"]
            ),
            subscribes=tuple(
                WantedEvent(
                    subscription=wanted["subscription"],
                    event=wanted["event"],
                    version=wanted["version"],
                    oldest=wanted.get("oldest_version", wanted["version"]),
                    schema=wanted["schema"],
                )
                for wanted in whole["subscribes"]
            ),
            answers=tuple(
                AnsweredQuery(
                    query=one["query"],
                    version=one["version"],
                    parameters=one["parameters"],
                    answer=one["answer"],
                    repeatable=one.get("repeatable") is True,
                )
                for one in whole.get("answers", ())
            ),
            asks=tuple(
                WantedAnswer(query=one["query"], version=one["version"], schema=one["schema"])
                for one in whole.get("asks", ())
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no contract: {type(error).__name__}: {error}") from error


def contract_file(plugin: ModuleType) -> Traversable | None:
    """Where the contract lies beside a plugin module, there or not; None if the module is in no package."""
    return files(plugin.__package__) / CONTRACT_FILE if plugin.__package__ else None


def _ordered(schema: JsonSchema) -> JsonSchema:
    ordered: JsonSchema = json.loads(json.dumps(schema, sort_keys=True))
    return ordered


def _schema(subject: str, make: Callable[[Any], JsonSchema], model: type) -> JsonSchema:
    try:
        return make(model)
    except PydanticUserError as error:
        problem = Problem(
            subject=subject,
            what=f"has no JSON Schema: {error.message}",
            sources=(f"{model.__module__}:{model.__qualname__}",),
            fix="use types that JSON can carry in the model",
        )
        raise CompositionError([problem]) from error
