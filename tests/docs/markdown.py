"""Reads our documents the way the tests need them: fenced blocks, sections, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_FENCE = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.M | re.S)
_HEADING = re.compile(r"^(#+) (.+)$", re.M)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `title` is what stands behind its language."""

    language: str
    title: str | None
    text: str


def blocks(markdown: str) -> list[Block]:
    """Every fenced block, in order."""
    return [Block(found["language"], found["title"], found["text"]) for found in _FENCE.finditer(markdown)]


def section(markdown: str, heading: str) -> str:
    """What stands under a heading, down to the next one of its level or above."""
    headings = list(_HEADING.finditer(markdown))
    for number, found in enumerate(headings):
        if found[2] == heading:
            following = (later.start() for later in headings[number + 1 :] if len(later[1]) <= len(found[1]))
            return markdown[found.end() : next(following, len(markdown))]
    raise LookupError(f"no heading {heading!r}")


def headings_in(text: str) -> list[str]:
    """The headings, without the code marks around a name."""
    return [found[2].strip("`") for found in _HEADING.finditer(text)]


def anchors_in(text: str) -> set[str]:
    """What a link may name behind its #: the headings as code hosts write them."""
    return {re.sub(r"[^\w\- ]", "", found[2].lower()).replace(" ", "-") for found in _HEADING.finditer(text)}


def rows(text: str) -> Iterator[list[str]]:
    """The rows of every table in the text, cell by cell, without their headers."""
    table_began = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        if not line.startswith("|"):
            table_began = False
        elif set("".join(cells)) <= {"-", ":"}:
            table_began = True
        elif table_began:
            yield cells


def table(text: str) -> dict[str, list[str]]:
    """The rows whose first cell is a name in code, by that name."""
    return {named[1]: cells for cells in rows(text) if (named := _CODE.fullmatch(cells[0]))}


def names_in(cell: str) -> list[str]:
    """Every name in code of a cell."""
    return _CODE.findall(cell)
