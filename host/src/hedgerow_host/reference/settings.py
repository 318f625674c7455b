"""The settings of the host and of each hosted context: variable, form, default, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from hedgerow_host.markdown import NONE, code, codes, paragraph, table
from hedgerow_host.reference.attribute_docs import attribute_docs
from hedgerow_host.reference.words import Words
from hedgerow_host.settings import variable_of

UNITS = {"_S": "seconds", "_DAYS": "days"}
"""The end of a variable's name says its unit."""
INTRO = """Every setting is an environment variable; an empty one counts as not set. What the environment lacks
is read from the file `.env` in the working folder, and options of the command line win over both. `hedgerow
config show` prints what is in force and where it comes from."""


def settings_page(holders: Mapping[str, type[BaseSettings]], words: Words) -> Iterator[str]:
    """A section for each class of settings, under the name of its owner."""
    yield "# Settings"
    yield paragraph(INTRO)
    for owner, holder in holders.items():
        yield f"## {owner}"
        yield table(("variable", "form", "default", "meaning"), _rows(holder, words))


def _rows(holder: type[BaseSettings], words: Words) -> Iterator[tuple[str, str, str, str]]:
    longer = attribute_docs(holder)
    for name, field in holder.model_fields.items():
        variable = variable_of(name, holder.model_config.get("env_prefix", ""), field.validation_alias)
        meaning = words.wanted(
            longer.get(name) or field.description,
            f"the setting {variable}",
            fix=f"give `{name}` of {holder.__module__}.{holder.__qualname__} a "
            "`Field(description=…)`, in one line; what is longer stands in a string below the field",
        )
        yield code(variable), form_of(variable, field), _default(field), meaning


def form_of(variable: str, field: FieldInfo) -> str:
    """How a value is written: examples if the field has some, else what its type and limits say."""
    if field.examples:
        return codes(map(str, field.examples))
    kind, limits = _plain(field.annotation), _limits_of(field)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return codes(str(member.value) for member in kind)
    if kind is bool:
        return codes(("true", "false"))
    if kind in (int, float):
        unit = next((unit for end, unit in UNITS.items() if variable.endswith(end)), "")
        return ", ".join(filter(None, (unit, _range(limits)))) or "number"
    return _length(limits) or "text"


def _plain(annotation: Any) -> Any:
    """The type without None."""
    if get_origin(annotation) in (Union, UnionType):
        return next(_plain(one) for one in get_args(annotation) if one is not type(None))
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _limits_of(field: FieldInfo) -> Mapping[str, Any]:
    """`ge`, `le`, `min_length` and the like: of the field, or of the type in it that is not None."""
    found = list(field.metadata)
    for one in (field.annotation, *get_args(field.annotation)):
        for mark in getattr(one, "__metadata__", ()):
            found += mark.metadata if isinstance(mark, FieldInfo) else [mark]
    names = ("ge", "gt", "le", "lt", "min_length", "max_length")
    return {name: getattr(mark, name) for mark in found for name in names if hasattr(mark, name)}


def _range(limits: Mapping[str, Any]) -> str:
    if "ge" in limits and "le" in limits:
        return f"{limits['ge']} to {limits['le']}"
    said = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{words} {limits[name]}" for name, words in said.items() if name in limits)


def _length(limits: Mapping[str, Any]) -> str:
    least, most = limits.get("min_length"), limits.get("max_length")
    if least and most:
        return f"{least} to {most} characters"
    return f"{least} characters or more" if least else f"up to {most} characters" if most else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or field.default_factory is not None:
        return NONE
    return code(str(field.default.value if isinstance(field.default, Enum) else field.default))
