"""The verbs of the command line, the host's and those of contexts: options, exit codes, an example."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hedgerow_host.exits import ExitCode
from hedgerow_host.markdown import NONE, code, codes, paragraph, table
from hedgerow_host.reference.attribute_docs import attribute_docs
from hedgerow_host.reference.words import Docstring, Words

EXIT_CODES, EXAMPLE = "Exit codes", "Example"
INTRO = """Results go to stdout, everything else to stderr. `--json` prints rows as JSON. `hedgerow --version`
prints the version; `--help` stands behind every verb. `hedgerow --install-completion` lets the tab key complete
verbs and options in bash, zsh, fish and PowerShell, also those of contexts; `--show-completion` prints what it
would install."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A command that somebody can type."""

    name: str
    command: Any
    """As typer has made it, which has no public type for it."""

    @property
    def options(self) -> dict[str, Any]:
        """Its options and arguments, by the longest name of each."""
        return {max(each.opts, key=len) if each.opts else each.name: each for each in self.command.params}

    @property
    def docstring(self) -> Docstring:
        """What it says of itself."""
        return Docstring.read(self.command.help, (EXIT_CODES, EXAMPLE))

    @property
    def place(self) -> str:
        """The function behind it."""
        function = inspect.unwrap(self.command.callback)
        return f"{function.__module__}.{function.__qualname__}"


def verbs_of(command: Any, name: str) -> Iterator[Verb]:
    """All verbs below a command; a group is none itself."""
    members = getattr(command, "commands", None)
    if members is None:
        yield Verb(name, command)
        return
    for member, child in members.items():
        if not child.hidden:
            yield from verbs_of(child, f"{name} {member}")


def command_line_page(verbs: Iterable[Verb], words: Words) -> Iterator[str]:
    """What all verbs have in common, and a section a verb."""
    meanings = attribute_docs(ExitCode)
    yield "# Command line"
    yield paragraph(INTRO)
    yield table(
        ("exit code", "means"),
        [
            (
                code(str(each.value)),
                words.wanted(
                    meanings.get(each.name),
                    f"exit code {each.value}",
                    fix=f"write a string below `{each.name}` of hedgerow_host.exits.ExitCode",
                ),
            )
            for each in ExitCode
        ],
    )
    for verb in verbs:
        yield from _section(verb, words)


def _section(verb: Verb, words: Words) -> Iterator[str]:
    said = verb.docstring
    yield f"## `{verb.name}`"
    if not said.prose:
        words.wanted(None, f"the verb `{verb.name}`", fix=f"write the docstring of {verb.place}")
    yield from said.prose
    rows = [_row(verb, name, option, words) for name, option in verb.options.items()]
    if rows:
        yield table(("option", "default", "meaning"), rows)
    codes_told = words.wanted(
        said.headed.get(EXIT_CODES),
        f"how the verb `{verb.name}` ends",
        fix=f"add a paragraph `{EXIT_CODES}: 0, 1 (when), …` to the docstring of {verb.place}",
    )
    yield f"{EXIT_CODES}: {codes_told}"
    example = words.wanted(
        said.headed.get(EXAMPLE),
        f"how the verb `{verb.name}` is typed",
        fix=f"end the docstring of {verb.place} with a paragraph `{EXAMPLE}: {verb.name} …`",
    )
    yield f"```sh\n{example}\n```"


def _row(verb: Verb, name: str, option: Any, words: Words) -> tuple[str, str, str]:
    meaning = words.wanted(
        option.help,
        f"`{name}` of the verb `{verb.name}`",
        fix=f"give it a `help=…`, at the parameter of {verb.place}",
    )
    others = [each for each in (*option.opts, *option.secondary_opts) if each != name]
    notes = ["Argument."] if option.param_type_name == "argument" else []
    notes += ["Required."] if option.required else []
    notes += [f"Also {codes(others)}."] if others and option.opts else []
    notes += [f"One of {codes(str(one.value) for one in type(option.default))}."] if _is_choice(option) else []
    return code(name), _default(option), " ".join((meaning, *notes))


def _is_choice(option: Any) -> bool:
    return isinstance(option.default, Enum)


def _default(option: Any) -> str:
    default = option.default.value if _is_choice(option) else option.default
    told = default not in (None, "", False) and not callable(default) and not isinstance(default, (list, tuple))
    return code(str(default)) if told else NONE
