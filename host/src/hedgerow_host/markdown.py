"""How pages are put together that are made from declarations: paragraphs, tables, names in code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NONE = "\N{EN DASH}"


def page(mark: str, parts: Iterable[str]) -> str:
    """A whole file; `mark` is its first line, by which we know what we may overwrite or remove."""
    return "\n\n".join((mark, *parts)) + "\n"


def paragraph(text: str) -> str:
    """A text of several lines as one, so that no code in it is broken."""
    return " ".join(text.split())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or that there is nothing."""
    written = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join((f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *written)) if written else "Nothing."


def code(name: str) -> str:
    """A name as it is written in code."""
    return f"`{name}`"


def codes(names: Iterable[str]) -> str:
    """Several of them."""
    return ", ".join(map(code, names)) or NONE
