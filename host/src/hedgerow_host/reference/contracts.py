"""What contexts tell and ask each other: published events and published queries, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from hedgerow_host.assembly import Assembly
from hedgerow_host.context_map.context_map import context_map, versioned
from hedgerow_host.markdown import NONE, code, codes, paragraph, table
from hedgerow_host.reference.attribute_docs import attribute_docs
from hedgerow_host.reference.words import Docstring, Words, own_docstring

EVENTS_INTRO = """A subscriber names event and version and brings its own model. Times are RFC 3339 in UTC."""
QUERIES_INTRO = """What contexts ask each other, by name. No route of the product leads to them."""


def events_page(assembly: Assembly, words: Words) -> Iterator[str]:
    """A section for each event, in the order of contexts and as these list them."""
    shown = context_map(assembly)
    yield "# Events"
    yield paragraph(EVENTS_INTRO)
    for context in assembly.contexts:
        for event in context.subscriptions.publishes:
            name = versioned(event.event_type, event.event_version)
            yield f"## `{name}`"
            yield from _prose(event, f"the event {name}", words)
            yield f"Heard here by: {codes(shown.hearers(name))}."
            yield _fields(event)


def queries_page(assembly: Assembly, words: Words) -> Iterator[str]:
    """A section for each published query."""
    shown = context_map(assembly)
    yield "# Published queries"
    yield paragraph(QUERIES_INTRO)
    for context in assembly.contexts:
        for query in (published.contract for published in context.handlers.answers):
            name = versioned(query.query_name, query.query_version)
            yield f"## `{name}`"
            yield from _prose(query, f"the query {name}", words)
            repeated = "It may be asked again" if query.repeatable else "It is never asked again"
            yield f"Asked here by: {codes(shown.askers(name))}. {repeated} when the answer was lost on its way."
            yield "Parameters:"
            yield _fields(query)
            yield " ".join(("Answer:", *Docstring.read(own_docstring(query.answer), ()).prose))
            yield _fields(query.answer)


def _prose(contract: type[BaseModel], subject: str, words: Words) -> Iterator[str]:
    said = Docstring.read(own_docstring(contract), ())
    if not said.prose:
        words.wanted(None, subject, fix=f"write the docstring of {contract.__module__}.{contract.__qualname__}")
    yield from said.prose


def _fields(contract: type[BaseModel]) -> str:
    """Its fields. What a name and a form leave unsaid stands in a string below the field."""
    schema, said = contract.model_json_schema(), attribute_docs(contract)
    return table(
        ("field", "form", "meaning"),
        [
            (code(name), _form(field, schema), " ".join(said.get(name, NONE).split()))
            for name, field in schema.get("properties", {}).items()
        ],
    )


def _form(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The type of a field in JSON, in words."""
    if "$ref" in field:
        inner = schema["$defs"][field["$ref"].rpartition("/")[2]]
        return _form(inner, schema) if "enum" in inner else f"object of {codes(inner.get('properties', {}))}"
    if "enum" in field:
        return codes(map(str, field["enum"]))
    if "anyOf" in field:
        return " or ".join(_form(one, schema) for one in field["anyOf"])
    if field.get("type") == "array":
        return f"list: {_form(field.get('items', {}), schema)}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"by name: {_form(field['additionalProperties'], schema)}"
    return str(field.get("format") or field.get("type") or "any JSON")
