"""What somebody has written about a thing in the code, and where words are wanted that nobody has written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import cleandoc

from hedgerow_host.markdown import NONE


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that nobody has said a word about."""

    subject: str
    fix: str
    """Where the words belong."""

    def __str__(self) -> str:
        return f"{self.subject} is not explained\n  fix: {self.fix}"


@dataclass(slots=True)
class Words:
    """Hands on what is written, and remembers where nothing is."""

    gaps: list[Gap] = field(default_factory=list)

    def wanted(self, text: str | None, subject: str, *, fix: str) -> str:
        """The text in one line; if there is none, a dash, and a gap."""
        if text and text.strip():
            return " ".join(text.split())
        self.gaps.append(Gap(subject, fix))
        return NONE


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring whose last paragraphs may have a heading each: `Fix: …`, `Example: …`."""

    prose: tuple[str, ...]
    headed: dict[str, str]

    @classmethod
    def read(cls, text: str | None, headings: Sequence[str]) -> Docstring:
        """Take it apart. What has none of these headings is prose."""
        paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", cleandoc(text or ""))]
        headed = {}
        prose = []
        for paragraph in filter(None, paragraphs):
            heading, colon, rest = paragraph.partition(":")
            if colon and heading in headings:
                headed[heading] = rest.strip()
            else:
                prose.append(paragraph)
        return cls(tuple(prose), headed)


def own_docstring(kind: type) -> str | None:
    """Its own: one that is inherited speaks of something else."""
    text = vars(kind).get("__doc__")
    return text if isinstance(text, str) else None


def sentence(text: str) -> str:
    """The same, beginning with a capital letter."""
    return text[:1].upper() + text[1:]
