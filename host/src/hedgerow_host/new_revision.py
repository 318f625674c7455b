"""Writes the next revision of a context, for its author to fill in."""

from __future__ import annotations

import re
from pathlib import Path

from hedgerow_core.persistence import MigrationHistory
from hedgerow_host.exits import ExitCode, HostError

_MESSAGE = re.compile(r'[^"\\\n]{1,100}')
"""It becomes the docstring of the file."""
_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)")
_LONGEST_SLUG = 40

_TEMPLATE = '''\
"""{message}"""

from alembic import op

revision = "{revision}"
down_revision = {before}
branch_labels = None
depends_on = None


def upgrade() -> None:
    raise NotImplementedError("write the step up: op.execute(...), or build_index(...)")


def downgrade() -> None:
    raise NotImplementedError("write the step down, or say here why there is none")
'''


def write_revision(context: str, history: MigrationHistory, message: str) -> Path:
    """Write the file. Its number follows the newest revision's.

    Raises:
        HostError: the history has branched, is not here as sources, or the message is none.
    """
    if not _MESSAGE.fullmatch(message):
        raise HostError(
            "the message can't be the first line of a revision",
            fix='say in one line of up to 100 characters, without " and \\, what changes',
            code=ExitCode.MISCONFIGURED,
        )
    if {"site-packages", "dist-packages"} & set(history.folder.parts):
        raise HostError(
            f"{context} is installed, not here as sources: its revisions belong to whoever builds it",
            fix="run this where its sources are, and install it from there",
            code=ExitCode.MISCONFIGURED,
        )
    heads = history.heads
    if len(heads) > 1:
        raise HostError(
            f"the history of {context} has branched: {', '.join(heads)}",
            fix="let one of them come after the other (its `down_revision`), unless somebody has applied both",
            code=ExitCode.MISCONFIGURED,
        )
    revision, number = _next(context, history, heads)
    path = history.folder / f"{number}_{_slug(message)}.py"
    before = f'"{heads[0]}"' if heads else "None"
    path.write_text(_TEMPLATE.format(message=message, revision=revision, before=before), encoding="utf-8")
    return path


def _next(context: str, history: MigrationHistory, heads: list[str]) -> tuple[str, str]:
    """`billing_0005` and `0005` after `billing_0004`; counted where ids have no number."""
    numbered = _NUMBERED.fullmatch(heads[0]) if heads else None
    if numbered:
        number = str(int(numbered["number"]) + 1).zfill(len(numbered["number"]))
        return f"{numbered['prefix']}{number}", number
    number = str(len(history.revisions) + 1).zfill(4)
    return f"{context}_{number}", number


def _slug(message: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    return words[:_LONGEST_SLUG].rstrip("_") or "change"
