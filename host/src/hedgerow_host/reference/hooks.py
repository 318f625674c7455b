"""The hooks that a context may have: when and where each runs, what it takes and returns, how it may fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hedgerow_core.plugin import HookSpecs
from hedgerow_host.markdown import codes, paragraph
from hedgerow_host.reference.words import Docstring, Words, sentence

PARTS = ("When", "Process", "Takes", "Returns", "If it raises")
INTRO = (
    """A context is a distribution with an entry point in the group `hedgerow.contexts`: the context's name, and
    the module (`plugin.py`) that holds its hooks. A hook is a plain function, marked `@hookimpl`. It takes the
    arguments below by name and may leave out those that it doesn't need. All hooks but `manifest` are optional;
    who has commands, queries, tasks or subscriptions needs `container` and `handlers`.""",
    """Hooks run while a process starts, never per request: once each, in the order below, except that `migrations`
    comes after `subscriptions` and may be called several times, and `checks`, `seed`, `impersonate` and `cli` run
    for their verbs alone. A hook must not have effects outside of what it returns. In `hedgerow dev` they run in
    the serving child, again after every reload.""",
    """*Composing commands* below are `contexts list`, `contexts diagnose`, `contexts inspect`, `contexts remove`,
    `routes`, `check`, `map`, `docs build`, `docs reference`, `openapi`, `asyncapi`, `contracts write`, `extract
    plan` and `config show`.""",
    """An exception in any hook but `lifespan` stops the command with exit code 2 and a message that names context,
    hook, module and line. So do a hook that returns something else, and an import or a hook that hangs: one that
    has not come back for 5 s, and in that time has imported no further module. Problems of several contexts are
    shown together. One that ends the process (`os._exit`, a crash in a library) is named as well, by a child that
    listens meanwhile; the exit code is then its own. Where a context is optional, it is left out instead: its
    import is tried in a child first. A hook besides `manifest` that ends the process ends an optional context's
    host, too.""",
)


def hooks_of(specifications: type) -> list[str]:
    """The names of all hooks, in order."""
    return [name for name in vars(specifications) if not name.startswith("_")]


def hooks_page(
    implemented: Mapping[str, Sequence[str]], words: Words, specifications: type = HookSpecs
) -> Iterator[str]:
    """A section a hook; `implemented` says which contexts have it here."""
    yield "# Hooks"
    yield from map(paragraph, INTRO)
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
