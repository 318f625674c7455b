"""`.env.example`: every setting of the host and of its contexts, with its default. No secret ever stands in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python
from pydantic_settings import BaseSettings

from hedgerow_host.settings import variable_of

HEAD = """\
# Every setting, with its default. Copy this file to .env, take the # off what you change.
# The environment wins over .env; `hedgerow config show` says what is in force, and why.
# Written by `hedgerow config example`: a setting is explained where it is declared.
"""
WIDTH = 114
_PLAIN = re.compile(r"(?![\s'\"])[^\n\\$#]*(?<!\s)")
"""What readers of .env files take as it stands."""


def env_example(holders: Sequence[type[BaseSettings]]) -> str:
    """A file that changes nothing until somebody takes a # away: a paragraph for each settings class."""
    return "\n".join([HEAD, *("\n".join(_entries(holder)) + "\n" for holder in holders if holder.model_fields)])


def _entries(holder: type[BaseSettings]) -> Iterator[str]:
    prefix = holder.model_config.get("env_prefix", "")
    for name, field in holder.model_fields.items():
        meaning = f"{field.description or name} {'Required.' if field.is_required() else ''}".rstrip()
        yield from wrap(meaning, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        yield f"#{variable_of(name, prefix, field.validation_alias)}={_default_of(field)}"


def _default_of(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined or isinstance(default, SecretStr | SecretBytes):
        return ""
    if isinstance(default, list | tuple | set | frozenset | dict):
        default = json.dumps(to_jsonable_python(default))
    return _quoted(str(default))


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
