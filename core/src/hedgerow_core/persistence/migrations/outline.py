"""What a history's scripts say of themselves: a server whose database is up to date runs none of them.

Only the plain case is known here, one line from the first revision to the newest. All else is Alembic's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

_HEADING = re.compile(
    r"""^(?P<name>revision|down_revision)(?:\s*:[^=\n]+)?\s*=\s*(?:None|(?P<quote>["'])(?P<id>\w+)(?P=quote))\s*$""",
    re.MULTILINE,
)
_DEPENDS = re.compile(r"^depends_on(?:\s*:[^=\n]+)?\s*=(?!\s*None\s*$)", re.MULTILINE)
_NO_SCRIPTS = (".#", "__init__")
"""What Alembic passes over: locks of editors, and the package itself."""


def plain_head(folder: Path) -> str | None:
    """The newest revision of scripts that make one line; None if they don't, or if it takes Alembic to say so.

    Raises:
        SyntaxError: a script is none.
    """
    after: dict[str | None, str] = {}
    for revision, down in _headings(folder):
        if revision is None or down in after or revision in after.values():
            return None
        after[down] = revision
    head: str | None = None
    for _ in range(len(after)):
        if head not in after:
            return None
        head = after[head]
    return head


def _headings(folder: Path) -> Iterator[tuple[str | None, str | None]]:
    """Each script's revision, and the one that it follows. The first is None where they can't be read off."""
    for script in sorted(folder.glob("*.py")):
        if script.name.startswith(_NO_SCRIPTS):
            continue
        loader = SourceFileLoader(script.stem, str(script))
        loader.get_code(script.stem)  # what is no Python is told here, and what is has been compiled once
        source = loader.get_source(script.stem) or ""
        found = [(match["name"], match["id"]) for match in _HEADING.finditer(source)]
        said = dict(found)
        plain = len(found) == len(said) == 2 and not _DEPENDS.search(source)
        yield (said["revision"], said["down_revision"]) if plain else (None, None)
