"""JSON Schema in the one form that we compare: without references, and every choice as a list of alternatives."""

from __future__ import annotations

from typing import Any

from hedgerow_core.messaging.narrowing import Schema

_ANYTHING: Schema = {}
NOTHING: Schema = {"not": {}}
"""What no value satisfies."""


def resolved(schema: bool | Schema, root: Schema) -> Schema:
    """The schema itself, without references, in the one form that we compare."""
    if isinstance(schema, bool):
        return _ANYTHING if schema else NOTHING
    followed: set[str] = set()
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        reference = schema.get("$ref")
        if reference in followed:
            return _ANYTHING
        followed.add(reference or "")
        target = _target(reference, root) if reference else schema["allOf"][0]
        followed_word = "$ref" if reference else "allOf"
        beside = {word: value for word, value in schema.items() if word != followed_word}
        schema = {**(target if isinstance(target, dict) else resolved(target, root)), **beside}
    patterns = schema.get("patternProperties", {})
    if len(patterns) == 1 and schema.get("additionalProperties", False) is False:
        ((pattern, value),) = patterns.items()
        schema = {word: kept for word, kept in schema.items() if word != "patternProperties"}
        schema |= {"additionalProperties": value, "propertyNames": {"pattern": pattern}}
    return schema


def _target(reference: str, root: Schema) -> Any:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def alternatives(schema: Schema) -> list[Any] | None:
    """The forms of which a value has one; None if there is but one form."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return list(schema[word])
    if schema.get("type") == "null" and "const" not in schema:
        return [{**schema, "const": None}]
    if "enum" in schema:
        beside = {word: value for word, value in schema.items() if word not in ("enum", "type")}
        return [{**beside, "const": value} for value in schema["enum"]]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    return None
