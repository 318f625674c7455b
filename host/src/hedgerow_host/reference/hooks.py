"""The hooks that a context may have: when each runs and where, what it takes and returns, what an exception does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hedgerow_core.plugin import HookSpecs
from hedgerow_host.markdown import codes
from hedgerow_host.reference.words import Docstring, Words, sentence

PARTS = ("When", "Process", "Takes", "Returns", "If it raises")
INTRO = """A context is a distribution with an entry point in the group `hedgerow.contexts`: the context's name,
and the module (`plugin.py`) that holds its hooks. A hook is a plain function, marked `@hookimpl`. It takes the
arguments below by name and may leave out those that it doesn't need. All hooks but `manifest` are optional; who
has commands, queries, tasks or subscriptions needs `container` and `handlers`. They run once each while a
process starts, in the order below, never per request, and must not have effects outside of what they return."""


def hooks_of(specifications: type) -> list[str]:
    """The names of all hooks, in order."""
    return [name for name in vars(specifications) if not name.startswith("_")]


def hooks_page(
    implemented: Mapping[str, Sequence[str]], words: Words, specifications: type = HookSpecs
) -> Iterator[str]:
    """A section a hook; `implemented` says which contexts have it here."""
    yield "# Hooks"
    yield INTRO
    for hook in hooks_of(specifications):
        place = f"the docstring of `{hook}` in {specifications.__module__}.{specifications.__qualname__}"
        said = Docstring.read(vars(specifications)[hook].__doc__, PARTS)
        yield f"## `{hook}`"
        if not said.prose:
            words.wanted(None, f"the hook {hook}", fix=f"write {place}")
        yield from said.prose
        parts = [
            f"- **{part}:** "
            + sentence(
                words.wanted(
                    said.headed.get(part),
                    f"what the hook {hook} has under `{part}:`",
                    fix=f"add a paragraph `{part}: …` to {place}",
                )
            )
            for part in PARTS
        ]
        users = [context for context, hooks in implemented.items() if hook in hooks]
        yield "\n".join([*parts, f"- **Here in:** {codes(users)}"])
