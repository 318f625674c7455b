"""What a manifest may say. The host reads it before it builds anything of the context."""

from __future__ import annotations

import re
from collections.abc import Iterator
from reprlib import Repr

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic_settings import BaseSettings

from hedgerow_core.application.concerns import ConcernKind
from hedgerow_core.plugin import CORE_API, Manifest
from hedgerow_core.security import Permission

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""A context's name becomes a schema, a role and a URL prefix."""
_SHORT = Repr()
_SHORT.maxstring = 2 * 40  # a name that is far too long shall not fill the screen
_TAKEN = ("host", "public", "information_schema")
"""The host's own permissions begin with its name; the others are schemas of PostgreSQL, as is all with pg_."""


def wrong_in(name: str, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What is wrong with the manifest of the context whose entry point has this name, each with its fix."""
    ill_typed = list(_of_another_kind(manifest))
    if ill_typed:
        yield from ill_typed
        return
    if not NAME.fullmatch(manifest.name):
        yield (
            f"its name {_SHORT.repr(manifest.name)} is not usable",
            "use lower-case letters, digits and _, 40 at most",
        )
    elif manifest.name in _TAKEN or manifest.name.startswith("pg_"):
        yield f"its name {manifest.name!r} is taken", "give it another one: it becomes a schema and a URL prefix"
    if manifest.name != name:
        yield f"its manifest is named {_SHORT.repr(manifest.name)}, its entry point {name!r}", "give both one name"
    yield from _wrong_api(manifest.core_api)
    yield from _wrong_neighbours(manifest)
    yield from _wrong_permissions(manifest)


def _of_another_kind(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Nobody checks the types of what a context writes into its manifest, and all that follows counts on them."""
    for part in ("name", "version", "core_api"):
        if not isinstance(getattr(manifest, part), str):
            yield f"its manifest's {part} is a {type(getattr(manifest, part)).__name__}", f'write {part}="…"'
    for part in ("requires", "optional"):
        names: object = getattr(manifest, part)
        if not isinstance(names, tuple | list) or not all(isinstance(one, str) for one in names):
            yield f"its manifest's {part} holds no names of contexts", f'write {part}=("users",), with the comma'
    if not all(isinstance(one, Permission) for one in manifest.permissions):
        yield "its manifest's permissions are none", 'write permissions=(Permission("name", "role", "summary"),)'
    if not all(isinstance(one, ConcernKind) for one in manifest.concerns):
        yield "its manifest's concerns are none", 'write concerns=(ConcernKind(number="W501", what="…", fix="…"),)'
    settings: object = manifest.settings
    if settings is not None and not (isinstance(settings, type) and issubclass(settings, BaseSettings)):
        yield "its manifest's settings are no class of settings", "name a class derived from BaseSettings"


def _wrong_api(core_api: str) -> Iterator[tuple[str, str]]:
    try:
        if CORE_API not in SpecifierSet(core_api):
            yield (
                f"needs core API {core_api}, and this core has {CORE_API}",
                "install versions of the context and of hedgerow-core that fit",
            )
    except InvalidSpecifier:
        yield f"core_api={core_api!r} is no version range", 'write it as ">=0.1,<0.2"'


def _wrong_neighbours(manifest: Manifest) -> Iterator[tuple[str, str]]:
    if manifest.name in (*manifest.requires, *manifest.optional):
        yield "names itself in `requires` or `optional`", "leave itself out"
    for both in sorted(set(manifest.requires) & set(manifest.optional)):
        yield f"names {both} in `requires` and in `optional`", "decide whether it can do without"


def _wrong_permissions(manifest: Manifest) -> Iterator[tuple[str, str]]:
    names = [permission.name for permission in manifest.permissions]
    for name in dict.fromkeys(names):
        if not name.startswith(f"{manifest.name}:"):
            yield f"declares the permission {name}", f"name it {manifest.name}:resource:action"
        if names.count(name) > 1:
            yield f"declares the permission {name} twice", "declare it once"
