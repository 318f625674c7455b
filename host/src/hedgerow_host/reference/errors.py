"""The codes of problems: of the host, and of each hosted context, with status, cause and fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hedgerow_core.domain import DomainError
from hedgerow_core.http.problem_codes import PROBLEM_CODES, ProblemCode
from hedgerow_core.http.problems import status_of
from hedgerow_host.markdown import code, paragraph, table
from hedgerow_host.reference.words import Docstring, Words, own_docstring, sentence

INTRO = """The `code` of a problem is stable; its sentences are not. A code without a prefix belongs to the
host."""
FIX = "Fix"


def errors_page(packages: Iterable[str], words: Words) -> Iterator[str]:
    """What the errors of these packages say of themselves, and the codes that no class stands behind."""
    told = {**{error.code: _told(error, words) for error in errors_of(packages)}, **PROBLEM_CODES}
    prefixes = sorted({name.partition(".")[0] for name in told if "." in name})
    yield "# Error codes"
    yield paragraph(INTRO)
    for prefix in ("", *prefixes):
        of_prefix = {name: told[name] for name in told if name.rpartition(".")[0] == prefix}
        yield f"## {prefix or 'Host'}"
        yield table(
            ("code", "status", "means", "what to do"),
            [(code(name), each.status, each.means, each.fix) for name, each in sorted(of_prefix.items())],
        )


def errors_of(packages: Iterable[str]) -> list[type[DomainError]]:
    """The domain errors with a code of their own that these packages define, as far as they are imported."""
    known = set(packages)

    def below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
        yield kind
        for derived in kind.__subclasses__():
            yield from below(derived)

    return [
        error
        for error in dict.fromkeys(below(DomainError))
        if error.__module__.partition(".")[0] in known and "code" in vars(error)
    ]


def _told(error: type[DomainError], words: Words) -> ProblemCode:
    said = Docstring.read(own_docstring(error), (FIX,))
    name = f"{error.__module__}.{error.__qualname__}"
    cause = words.wanted(
        " ".join(said.prose), f"the error {error.code}", fix=f"say in the docstring of {name} what has happened"
    )
    fix = words.wanted(
        said.headed.get(FIX),
        f"the way out of the error {error.code}",
        fix=f"end the docstring of {name} with a paragraph `{FIX}: …`",
    )
    return ProblemCode(str(status_of(error).value), cause, sentence(fix))
