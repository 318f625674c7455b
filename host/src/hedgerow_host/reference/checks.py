"""What `hedgerow check` may find and `hedgerow extract plan` may say: number or kind, meaning, fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hedgerow_core.application.concerns import ConcernKind
from hedgerow_host.checks.meanings import MEANINGS, Meaning
from hedgerow_host.extraction.plan.obstacles import KINDS, Weight
from hedgerow_host.markdown import paragraph, table
from hedgerow_host.reference.words import Words

INTRO = """A number always means the same; before it stands the context, or `host`. The letter is its level:
error, warning, note. The host's numbers stand behind every name; from 500 on they are the context's own (hook
`checks`). What is marked `--deploy` is said to who asks for it: it is about production alone."""


def checks_page(
    concerns: Mapping[str, Iterable[ConcernKind]], words: Words, meanings: Mapping[str, Meaning] = MEANINGS
) -> Iterator[str]:
    """The findings of the host and of contexts, and the obstacles of a plan."""
    yield "# Checks"
    yield "## Findings of `hedgerow check`"
    yield paragraph(INTRO)
    rows = [
        _finding(number, each.more or f"{each.what}.", each.fix, each.in_production, words)
        for number, each in meanings.items()
    ]
    rows += [
        _finding(f"{context}.{each.number}", each.what, each.fix, each.in_production, words)
        for context, kinds in concerns.items()
        for each in kinds
    ]
    yield table(("finding", "means", "what to do"), rows)
    yield "## Obstacles of `hedgerow extract plan`"
    yield "Blockers end a move; a caution somebody should know."
    yield table(
        ("kind", "means", "why it matters", "what to do"),
        [
            (kind, f"Caution: {each.means}" if each.weight is Weight.CAUTION else each.means, each.why, each.fix)
            for kind, each in KINDS.items()
        ],
    )


def _finding(number: str, what: str, fix: str, in_production: bool, words: Words) -> tuple[str, str, str]:
    where = "in hedgerow_host.checks.meanings" if "." not in number else "where its context declares `concerns`"
    told = words.wanted(what, f"the finding {number}", fix=f"say {where} what it means")
    done = words.wanted(fix, f"what to do about the finding {number}", fix=f"say it {where}")
    return number, f"`--deploy`: {told}" if in_production else told, done
