"""What an event looks like while it travels, and whether a subscriber can read it (ADR 0009). No I/O.

Both sides are JSON Schema, so that two builds can be compared without importing either. `compatibility` walks the
two; this file makes them, and adds what pydantic knows and JSON Schema would lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from hedgerow_core.messaging.compatibility import Comparison, Incompatibility
from hedgerow_core.messaging.narrowing import UNSAID, Schema

__all__ = ["Incompatibility", "fields_of", "incompatibilities", "published_schema", "reader_schema"]


def published_schema(contract: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a payload, or an answer, as it travels."""
    by_alias = bool(contract.model_config.get("serialize_by_alias"))
    return contract.model_json_schema(by_alias, schema_generator=_AsItTravels, mode="serialization")


def reader_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of what a subscriber's own model accepts."""
    return model.model_json_schema(schema_generator=_AsItTravels, mode="validation")


def incompatibilities(published_schema: Schema, reader_schema: Schema) -> list[Incompatibility]:
    """What keeps a reader from reading every payload that the published schema allows; empty if nothing does.

    What the published schema doesn't name is taken to be absent: a publisher that adds a field is compared again.
    """
    return Comparison(published_schema, reader_schema).findings()


def fields_of(schema: Schema) -> dict[str, str]:
    """Every field of a payload by its path (`lines[].amount`), with its type as people say it."""
    return Comparison(schema, schema).fields()


_UNSAYABLE = {
    "date": ("ge", "gt", "le", "lt", "now_op"),
    "datetime": ("ge", "gt", "le", "lt", "now_op", "tz_constraint"),
    "time": ("ge", "gt", "le", "lt", "tz_constraint"),
    "timedelta": ("ge", "gt", "le", "lt"),
    "url": ("allowed_schemes", "host_required"),
    "multi-host-url": ("allowed_schemes", "host_required"),
    "str": ("strip_whitespace", "to_lower", "to_upper"),
}
"""What a model may demand and JSON Schema has no word for."""

_NOT_IN_JSON = {
    "bytes",
    "date",
    "datetime",
    "decimal",
    "enum",
    "frozenset",
    "set",
    "time",
    "timedelta",
    "tuple",
    "uuid",
}
"""A strict reader refuses these when they come as JSON has them."""

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


class _AsItTravels(GenerateJsonSchema):
    """Pydantic's schema without decoration, and with the demands that it leaves out."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        # A payload is written with its defaults, so what has one is still always there.
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        made = super().generate_inner(schema)
        kind = schema["type"]
        if kind == "decimal":
            _say_decimal(schema, made)
        if kind == "dict" and schema.get("keys_schema", {}).get("type") in {"int", "float", "bool", "decimal"}:
            made["propertyNames"] = {"format": schema["keys_schema"]["type"]}
        unsaid = {word: str(schema[word]) for word in _UNSAYABLE.get(kind, ()) if schema.get(word) is not None}
        if kind == "str" and not {"min_length", "pattern"} & set(schema):
            unsaid = {}  # trimming matters only where something is demanded of what is left
        if kind in _NOT_IN_JSON and self.mode == "validation" and schema.get("strict", self._config.strict):
            unsaid["strict"] = "True"
        return {**made, UNSAID: unsaid} if unsaid else made


def _say_decimal(schema: Mapping[str, Any], made: JsonSchemaValue) -> None:
    """A decimal travels as a string, of which pydantic says nothing more."""
    said = {word: float(schema[bound]) for bound, word in _BOUNDS.items() if schema.get(bound) is not None}
    if schema.get("multiple_of") is not None:
        said["multipleOf"] = float(schema["multiple_of"])
    digits, places = schema.get("max_digits"), schema.get("decimal_places")
    counted = {"x-digits": digits, "x-places": places}
    if digits is not None and places is not None:
        counted["x-whole-digits"] = digits - places
    said |= {word: count for word, count in counted.items() if count is not None}
    for form in made.get("anyOf", [made]):
        form |= said | ({"format": "decimal"} if form.get("type") == "string" else {})
