"""Walks a published JSON Schema beside a reader's, and finds every place where the reader would refuse a payload.

It errs on one side only: where it can't tell, it finds. So no finding means that every payload can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow_core.messaging.narrowing import Difference, Schema, described, differences, type_of, unlike
from hedgerow_core.messaging.schema_forms import NOTHING, alternatives, resolved

_SAYS_NOTHING = {
    *("$comment", "$defs", "$id", "$schema", "default", "deprecated", "description", "discriminator", "examples"),
    *("readOnly", "title", "writeOnly"),
}
_PUBLISH_OR_DEFAULT = "publish it, or give it a default in the reader's model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incompatibility:
    """One thing that a reader can't read."""

    path: str
    """The field: `lines[].amount`; `prices{}` is any value of a mapping; empty for the payload as a whole."""
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path or 'the payload'} {self.what}"


class Comparison:
    """A published schema and a reader's, side by side."""

    def __init__(self, published: Schema, read: Schema) -> None:
        self._published = published
        self._read = read
        self._under_way: set[str] = set()

    def findings(self) -> list[Incompatibility]:
        """What the reader would refuse, each once."""
        return list(dict.fromkeys(self._fit(self._published, self._read, "")))

    def fields(self) -> dict[str, str]:
        """Every field of the published payload by its path, with its kind."""
        return dict(self._fields(self._published, "", ()))

    def _fit(self, published: Any, read: Any, path: str) -> list[Incompatibility]:
        published, read = resolved(published, self._published), resolved(read, self._read)
        pair = json.dumps([published, read], sort_keys=True)
        if pair in self._under_way:
            return []  # a type that holds itself: it is decided where it began
        self._under_way.add(pair)
        try:
            return list(self._decide(published, read, path))
        finally:
            self._under_way.discard(pair)

    def _decide(self, published: Schema, read: Schema, path: str) -> Iterator[Incompatibility]:
        if set(read) <= _SAYS_NOTHING or published == NOTHING:
            return
        if (forms := alternatives(published)) is not None:
            for form in forms:
                yield from self._fit(form, read, path)
            return
        if (forms := alternatives(read)) is not None and "enum" not in read:
            yield from self._any_of(published, read, forms, path)
            read = {word: value for word, value in read.items() if word not in ("anyOf", "oneOf", "type")}
            if set(read) <= _SAYS_NOTHING:
                return
        kind = _kind(published)
        if kind is None or not _takes(read.get("type"), kind):
            yield _found(path, unlike(published, read))
            return
        yield from (_found(path, found) for found in differences(_counted(published), _lenient(published, read)))
        if kind == "object":
            yield from self._object(published, read, path)
        if kind == "array":
            yield from self._array(published, read, path)

    def _any_of(
        self, published: Schema, read: Schema, forms: Sequence[Any], path: str
    ) -> Iterable[Incompatibility]:
        """One form that takes it is enough; if none does, the only one of its type says why."""
        branches = [resolved(form, self._read) for form in forms]
        if tag := read.get("discriminator", {}).get("propertyName"):
            # A union is chosen by its tag, which must be there even where the form has a default for it.
            branches = [{**branch, "required": [*branch.get("required", ()), tag]} for branch in branches]
        refusals = [(branch, self._fit(published, branch, path)) for branch in branches]
        if any(not refusal for _branch, refusal in refusals):
            return []
        alike = [refusal for branch, refusal in refusals if _takes(branch.get("type"), _kind(published))]
        return alike[0] if len(alike) == 1 else [_found(path, unlike(published, read))]

    def _object(self, published: Schema, read: Schema, path: str) -> Iterator[Incompatibility]:
        offered, wanted = published.get("properties", {}), read.get("properties", {})
        further, rest = _further(published), read.get("additionalProperties", True)
        always = set(published.get("required", ()))
        for name in dict.fromkeys((*wanted, *read.get("required", ()))):
            at, there = _inside(path, name), name in offered or further is not False
            if name in read.get("required", ()) and name not in always:
                what = "is not always published, but required" if there else "is not published, but required"
                yield Incompatibility(path=at, what=f"{what} by the reader", fix=_PUBLISH_OR_DEFAULT)
            if there:
                yield from self._fit(offered.get(name, further), wanted.get(name, True), at)
        unread = [name for name in offered if name not in wanted]
        if rest is False:
            yield from self._closed(published, unread, path)
            return
        for name in unread:
            yield from self._fit(offered[name], rest, _inside(path, name))
        if further is not False:
            yield from self._fit(further, rest, f"{path}{{}}")
        yield from self._names(published, read, unread, path)

    def _closed(self, published: Schema, unread: Sequence[str], path: str) -> Iterator[Incompatibility]:
        """A reader that forbids what it doesn't know takes only what a publisher has closed, too."""
        if published.get("additionalProperties") is False and not unread:
            return
        more = f" ({', '.join(unread)})" if unread else ""
        yield Incompatibility(
            path=path,
            what=f"may carry fields that the reader forbids{more}",
            fix='leave `extra="forbid"` out of the reader\'s model: publishers add fields',
        )

    def _names(
        self, published: Schema, read: Schema, unread: Sequence[str], path: str
    ) -> Iterator[Incompatibility]:
        if "propertyNames" not in read:
            return
        wanted = {"type": "string", **resolved(read["propertyNames"], self._read)}
        names = [{"type": "string", "const": name} for name in unread]
        if _further(published) is not False:
            names.append({"type": "string", **resolved(published.get("propertyNames", {}), self._published)})
        for name in names:
            for found in self._fit(name, wanted, path):
                yield Incompatibility(path=path, what=f"has names: a name {found.what}", fix=found.fix)

    def _array(self, published: Schema, read: Schema, path: str) -> Iterator[Incompatibility]:
        if read.get("uniqueItems") and read.get("minItems", 0) > 1 and not published.get("uniqueItems"):
            fix = "publish a set, or read a list"
            yield Incompatibility(path=path, what="may repeat an item, and the reader counts it once", fix=fix)
        fixed, wanted = published.get("prefixItems", ()), read.get("prefixItems", ())
        longest = published.get("maxItems", float("inf"))
        if published.get("items") is False:
            longest = min(longest, len(fixed))
        for place in range(max(len(fixed), len(wanted))):
            if place < longest:
                item = fixed[place] if place < len(fixed) else published.get("items", True)
                into = wanted[place] if place < len(wanted) else read.get("items", True)
                yield from self._fit(item, into, f"{path}[{place}]")
        if longest > max(len(fixed), len(wanted)):
            yield from self._fit(published.get("items", True), read.get("items", True), f"{path}[]")

    def _fields(self, schema: Any, path: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        schema = resolved(schema, self._published)
        if path:
            yield path, described(schema)
        name = json.dumps(schema, sort_keys=True)
        if name in above:
            return
        inside = [(field, _inside(path, word)) for word, field in schema.get("properties", {}).items()]
        inside += [(item, f"{path}[{place}]") for place, item in enumerate(schema.get("prefixItems", ()))]
        inside += [(schema["items"], f"{path}[]")] if "items" in schema else []
        inside += [(schema["additionalProperties"], f"{path}{{}}")] if schema.get("additionalProperties") else []
        for field, at in inside:
            yield from self._fields(field, at, (*above, name))
        for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from ((at, kind) for at, kind in self._fields(form, path, (*above, name)) if at != path)


def _kind(published: Schema) -> str | None:
    return type_of(published["const"]) if "const" in published else published.get("type")


def _further(published: Schema) -> Any:
    """What a field holds that the publisher doesn't name; False: there is none."""
    if {"allOf", "if", "patternProperties"} & set(published):
        return True  # said in words that we don't weigh
    return published.get("additionalProperties", False)


def _takes(wanted: str | None, published: str | None) -> bool:
    if wanted is None or wanted == published:
        return True
    return wanted == "number" and published == "integer"


def _counted(published: Schema) -> Schema:
    """An object promises at least its required fields, and at most its own unless it is open."""
    if published.get("type") != "object":
        return published
    least = max(published.get("minProperties", 0), len(published.get("required", ())))
    bounds = {"minProperties": least}
    if _further(published) is False:
        bounds["maxProperties"] = len(published.get("properties", {}))
    return {**published, **bounds}


def _lenient(published: Schema, read: Schema) -> Schema:
    """A reader's `const` as a choice of one."""
    return {**read, "enum": [read["const"]]} if "const" in read else read


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _found(path: str, difference: Difference) -> Incompatibility:
    return Incompatibility(path=path, what=difference.what, fix=difference.fix)
