"""Where a reader takes less than is published: the words of JSON Schema that bound a single value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Schema = Mapping[str, Any]

UNSAID = "x-constraints"
"""Demands of a model that JSON Schema has no word for, by their name; they fit only if they are the same."""

UNCOMPARED = (
    "allOf",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "patternProperties",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Words that we don't weigh: they fit only if the publisher says exactly the same."""

_LOOSEN = "loosen it in the reader's model, or publish under the same demand"


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs about one value, and the fix."""

    what: str
    fix: str


def differences(published: Schema, read: Schema) -> Iterator[Difference]:
    """What the reader demands of a value that the publisher doesn't promise. The types fit already."""
    if "const" in published and type_of(published["const"]) in ("array", "object") and "enum" not in read:
        yield Difference("is one fixed composite, which can't be compared", "read it as anything")
    yield from _choice(published, read)
    for word in ("format", "contentMediaType", "contentEncoding"):
        if word in read and not _same_form(published.get(word), read[word]):
            yield unlike(published, read)
    yield from _bounds(published, read)
    if "pattern" in read and not _matches(published, read["pattern"]):
        yield Difference(f"is read by the pattern {read['pattern']}, which is not promised", _LOOSEN)
    promised = published.get(UNSAID, {})
    for demand, value in read.get(UNSAID, {}).items():
        if promised.get(demand) != value:
            yield Difference(f"is read with {demand}={value}, which is not promised", _LOOSEN)
    for word in UNCOMPARED:
        if word in read and ("$ref" in json.dumps(read[word]) or not same(published.get(word), read[word])):
            yield Difference(
                f"is read by `{word}`, which can't be compared", "say it in the reader's model more plainly"
            )


def unlike(published: Schema, read: Schema) -> Difference:
    """Two kinds of value that don't fit."""
    written, wanted = described(published), described(read)
    if written == "null":
        return Difference("may be null, which the reader refuses", "allow None in the reader's model")
    return Difference(
        f"is published as {written} and read as {wanted}",
        f"read it as {written}, or publish it as {wanted} in a new version",
    )


def described(schema: Schema) -> str:
    """A kind of value, as people say it: `string (uuid)`, `integer or null`."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(described(branch) for branch in schema[word]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    kinds = schema.get("type") or " or ".join(dict.fromkeys(map(type_of, values))) or "anything"
    named = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return f"{named} ({schema['format']})" if "format" in schema else named


def type_of(value: object) -> str:
    """The JSON type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def same(one: object, other: object) -> bool:
    """Equality as JSON knows it: `true` is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _choice(published: Schema, read: Schema) -> Iterator[Difference]:
    if "enum" not in read:
        return
    if "const" not in published:
        known = ", ".join(map(json.dumps, read["enum"]))
        yield Difference(
            f"may be any {described(published)}; the reader knows {known}",
            "read it without the choice, or publish it with one",
        )
    elif not any(same(published["const"], value) for value in read["enum"]):
        yield Difference(
            f"may be {json.dumps(published['const'])}, which the reader doesn't know",
            f"add it to the reader's model, or read any {described(published)}",
        )


def _same_form(published: str | None, read: str) -> bool:
    # A UUID of one version (uuid7) is a UUID.
    return published == read or (read == "uuid" and re.fullmatch(r"uuid\d", published or "") is not None)


def _matches(published: Schema, pattern: str) -> bool:
    if published.get("pattern") == pattern:
        return True
    try:
        return isinstance(value := published.get("const"), str) and re.search(pattern, value) is not None
    except re.error:
        return False


def _lowest(schema: Schema) -> tuple[Decimal, bool] | None:
    """The lower bound, and whether it is itself left out."""
    bounds = [(_number(schema["minimum"]), False)] if "minimum" in schema else []
    bounds += [(_number(schema["exclusiveMinimum"]), True)] if "exclusiveMinimum" in schema else []
    return max(bounds, default=None)


def _highest(schema: Schema) -> tuple[Decimal, bool] | None:
    """The upper bound negated, so that it compares as a lower one does."""
    mirrored = {"maximum": "minimum", "exclusiveMaximum": "exclusiveMinimum"}
    return _lowest({low: -schema[high] for high, low in mirrored.items() if high in schema})


_RANGES: tuple[tuple[str, Callable[[Schema], tuple[Decimal, bool] | None]], ...] = (
    ("lower", _lowest),
    ("upper", _highest),
)
_AT_LEAST = ("minLength", "minItems", "minProperties")
_AT_MOST = ("maxLength", "maxItems", "maxProperties", "x-digits", "x-places", "x-whole-digits")


def _bounds(published: Schema, read: Schema) -> Iterator[Difference]:
    published = _narrowed_to(published)
    for name, bound in _RANGES:
        promised, wanted = bound(published), bound(read)
        if wanted is not None and (promised is None or promised < wanted):
            shown = f"{'more' if name == 'lower' else 'less'} than " if wanted[1] else ""
            limit = wanted[0] if name == "lower" else -wanted[0]
            yield Difference(f"is read with the {name} bound {shown}{limit:g}, which is not promised", _LOOSEN)
    for word in (*_AT_LEAST, *_AT_MOST):
        wanted_count, promised_count = read.get(word), published.get(word)
        if wanted_count is None or (word in _AT_LEAST and wanted_count == 0):
            continue
        tight = promised_count is not None and (
            promised_count >= wanted_count if word in _AT_LEAST else promised_count <= wanted_count
        )
        if not tight:
            yield Difference(f"is read with {word} {wanted_count}, which is not promised", _LOOSEN)
    if "multipleOf" in read:
        step = _number(read["multipleOf"])
        promised_step = published.get("multipleOf")
        if promised_step is None or _number(promised_step) % step:
            yield Difference(f"is read as a multiple of {step:g}, which is not promised", _LOOSEN)


def _narrowed_to(published: Schema) -> Schema:
    """A fixed value promises its own bounds."""
    match published.get("const"):
        case bool() | None:
            return published
        case int() | float() as number:
            return {**published, "minimum": number, "maximum": number, "multipleOf": number}
        case str() as words:
            return {**published, "minLength": len(words), "maxLength": len(words)}
    return published


def _number(value: float) -> Decimal:
    return Decimal(str(value))
