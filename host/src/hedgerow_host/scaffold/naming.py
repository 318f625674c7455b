"""Which names can be given, and the forms in which a name appears in what is generated."""

from __future__ import annotations

import re
from keyword import iskeyword, issoftkeyword

from hedgerow_host.exits import ExitCode, HostError

LONGEST = 24
"""Characters: a name becomes part of many lines, and none of them shall be too long."""
_SHAPE = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST - 1}}}")
_APP_SHAPE = re.compile(rf"[a-z][a-z0-9-]{{0,{LONGEST - 1}}}")
_OF_POSTGRESQL = re.compile(r"pg_.*|public|information_schema")
# fmt: off
TAKEN_BY_CODE = frozenset({
    "bus", "clock", "command", "contracts", "created", "cursor", "envelope", "event", "found", "host",
    "http", "http_error", "id", "items", "limit", "list", "name", "next", "offer", "offers", "owner",
    "page", "parts", "path", "payload", "published", "query", "row", "rows", "statement", "task",
    "text", "type", "update", "updated", "version", "work",
})
# fmt: on
"""What the generated code calls something else by."""
VOWELS = "aeiou"


def checked(name: str, what: str) -> str:
    """The name, if a Python module can have it.

    Raises:
        HostError: it can't.
    """
    if not _SHAPE.fullmatch(name):
        raise refused(
            f"{name!r} can't be the name of {what}",
            f"begin with a letter; use lower-case letters, digits and _, at most {LONGEST} characters{_like(name)}",
        )
    if iskeyword(name) or issoftkeyword(name):
        raise refused(f"{name!r} is a word of Python and can't be the name of {what}", "choose another name")
    return name


def checked_context(name: str) -> str:
    """The name, if a context can have it.

    Raises:
        HostError: it can't.
    """
    checked(name, "a context")
    if _OF_POSTGRESQL.fullmatch(name):
        raise refused(
            f"{name!r} is a schema of PostgreSQL's own, and a context's name is its schema", "choose another name"
        )
    return name


def checked_aggregate(name: str) -> str:
    """The name, if what a context keeps can have it.

    Raises:
        HostError: it can't.
    """
    checked(name, "what a context keeps")
    if {name, plural_of(name)} & TAKEN_BY_CODE:
        raise refused(
            f"{name!r} means something else in the code of every context",
            "say more precisely what the context keeps, with --aggregate: purchase_order, not order or name",
        )
    return name


def checked_app(name: str) -> str:
    """The name, if an app can have it.

    Raises:
        HostError: it can't.
    """
    if not _APP_SHAPE.fullmatch(name) or name.endswith("-") or iskeyword(name):
        raise refused(
            f"{name!r} can't be the name of an app",
            f"begin with a letter; use lower-case letters, digits and -, at most {LONGEST} characters",
        )
    if name == "hedgerow":
        raise refused("'hedgerow' is our name, and packages of yours would carry it", "choose another name")
    return name


def aggregate_in(context: str) -> str:
    """What a context of this name keeps, unless told: `tree` in `trees`, `item` in `inventory`."""
    if context.endswith("ies"):
        return f"{context[:-3]}y"
    if context.endswith(("sses", "xes", "ches", "shes")):
        return context[:-2]
    if context.endswith("s") and not context.endswith("ss") and len(context) > 1:
        return context[:-1]
    return "item"


def plural_of(name: str) -> str:
    """Several of them."""
    if name.endswith("y") and name[-2:-1] not in VOWELS:
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"


def class_of(name: str) -> str:
    """`plant_tree` → `PlantTree`."""
    return "".join(part.capitalize() for part in name.split("_"))


def words_of(name: str) -> str:
    """`plant_tree` → `plant tree`."""
    return name.replace("_", " ")


def refused(what: str, fix: str) -> HostError:
    """A name, or a place, that we can't use."""
    return HostError(what, fix=fix, code=ExitCode.MISCONFIGURED)


def _like(name: str) -> str:
    usable = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
    return f", such as {usable}" if _SHAPE.fullmatch(usable) else ""
