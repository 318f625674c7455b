"""The reference leaves nothing out and invents nothing: every name in it is held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from hedgerow_core.http.problem_codes import PROBLEM_CODES
from hedgerow_core.messaging.health import Matter
from hedgerow_core.testing.plugin import DATABASE_URL, RABBITMQ_URL, REDIS_URL
from tests.docs.markdown import DOCS, anchors_in, headings_in, rows, section, table

ROOT = DOCS.parent
TUTORIAL_CONTEXT = "notes"
"""A reader who followed the tutorial has it in contexts/; the reference is not about it."""
MADE = ".copier-answers.yml"
"""Nor about contexts that a reader had made by `hedgerow new context`."""
DECISIONS = DOCS / "decisions"
UNSET = "\N{EN DASH}"
PARTS_OF_A_DECISION = ["Status", "Context", "Decision", "Consequences", "What would change our mind"]


def our_contexts() -> list[Path]:
    """The folders of the contexts that the reference is about."""
    folders = [path.parent for path in (ROOT / "contexts").glob("*/pyproject.toml")]
    return [folder for folder in folders if folder.name != TUTORIAL_CONTEXT and not (folder / MADE).exists()]


def missing(exists: Iterable[str], documented: Iterable[str]) -> list[str]:
    """Names that exist and that nobody wrote down."""
    return sorted(set(exists) - set(documented))


def assert_same(exists: Iterable[str], documented: Iterable[str]) -> None:
    """What exists is documented, and what is documented exists."""
    exists, documented = set(exists), set(documented)
    assert exists, "the search for what exists finds nothing, and so would prove nothing"
    assert missing(exists, documented) == [], "not in the reference"
    assert missing(documented, exists) == [], "in the reference, but gone"
    assert missing({*exists, "made_up"}, documented) == ["made_up"], "the search for what is missing is blind"


@pytest.fixture(scope="module")
def reference() -> str:
    return (DOCS / "reference.md").read_text()


# Error codes


def sources() -> list[Path]:
    """Every module of the host, of core and of the contexts."""
    roots = [ROOT / "core/src", ROOT / "host/src", *(folder / "src" for folder in our_contexts())]
    return [path for root in roots for path in root.rglob("*.py")]


def strings_in(node: ast.AST) -> Iterator[str]:
    """Every string that stands in an expression."""
    for found in ast.walk(node):
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value


def constants_of(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The strings in each constant of these modules, by the constant's name."""
    constants: dict[str, set[str]] = {}
    for statement in (statement for tree in trees for statement in tree.body if isinstance(statement, ast.Assign)):
        for name in (name for target in statement.targets for name in names_used_in(target) if name.isupper()):
            constants.setdefault(name, set()).update(strings_in(statement.value))
    return constants


def written_codes(modules: Iterable[str]) -> set[str]:
    """Every code that these modules hand over as `code=…`: literally, or by a constant of one of them."""
    trees = [ast.parse(module) for module in modules]
    constants = constants_of(trees)
    calls = (call for tree in trees for call in ast.walk(tree) if isinstance(call, ast.Call))
    codes: set[str] = set()
    for value in (keyword.value for call in calls for keyword in call.keywords if keyword.arg == "code"):
        codes.update(strings_in(value), *(constants.get(name, ()) for name in names_used_in(value)))
    return codes


def names_used_in(node: ast.AST) -> Iterator[str]:
    """Every plain name in an expression or a target."""
    return (found.id for found in ast.walk(node) if isinstance(found, ast.Name))


def test_every_error_code_is_documented() -> None:
    documented = table((DOCS / "reference" / "errors.md").read_text())
    written = written_codes(path.read_text() for path in sources())

    examples = {"database_away", "http_error", "method_not_allowed", "token_expired"}
    assert examples <= written, "the search is blind: by word, in a call, in a table, by constant"
    assert missing(written, documented) == [], (
        "explained nowhere: give it a class with a docstring, or a row in hedgerow_core.http.problem_codes"
    )
    assert missing(PROBLEM_CODES, written) == [], "in hedgerow_core.http.problem_codes, but gone"
    assert missing(PROBLEM_CODES, written - {"token_expired"}) == ["token_expired"], "the twin"


def test_a_new_error_code_is_noticed() -> None:
    documented = table((DOCS / "reference" / "errors.md").read_text())
    constants = 'MADE_UP, GONE = "made_up", "not_found"\n_CODES = {1: "made_up_in_table"}'
    calls = 'raise E("…", code=MADE_UP)\nproblem(code=_CODES.get(n, "made_up_too"))\nproblem(code=error.code)'

    assert missing(written_codes([constants, calls]), documented) == ["made_up", "made_up_in_table", "made_up_too"]


# Logs


def logged_events(source: str) -> set[str]:
    """Every event that this source logs."""
    module = ast.parse(source)
    return {
        event
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and call.args and _is_log(call.func)
        for event in strings_in(call.args[0])
    }


def _is_log(function: ast.expr) -> bool:
    logger = function.value if isinstance(function, ast.Attribute) else function
    return isinstance(logger, ast.Name) and logger.id in {"_log", "log", "_answered"}


def test_every_log_event_is_documented(reference: str) -> None:
    exist = set().union(*(logged_events(path.read_text()) for path in sources()))

    assert {"request", "delivery_dead"} <= exist, "the search is blind"
    assert_same(exist, table(section(reference, "Logs")))


def test_a_new_log_event_is_noticed(reference: str) -> None:
    source = '_log.info("made_up", n=1)\nlog("request" if fine else "made_up_too")\nother.info("not ours")'

    assert missing(logged_events(source), table(section(reference, "Logs"))) == ["made_up", "made_up_too"]


# Alarms


def test_every_alarm_is_documented(reference: str) -> None:
    assert_same([str(what) for what in Matter], table(section(reference, "Alarms")))


# Variables of the test kit


def test_every_variable_of_the_test_kit_is_documented(reference: str) -> None:
    named = table(section(reference, "Test kit"))

    assert_same(
        [DATABASE_URL, REDIS_URL, RABBITMQ_URL], [name for name in named if name.startswith("HEDGEROW_TEST_")]
    )


# Decisions


def index() -> list[str]:
    """The files that the index of decisions links to."""
    return re.findall(r"^- \[\d{4}\]\((\d{4}-[\w-]+\.md)\) \S", (DECISIONS / "README.md").read_text(), re.M)


def decisions() -> list[str]:
    return sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))


def mentioned_decisions(source: str) -> set[str]:
    return set(re.findall(r"\bADR (\d{4})", source))


def test_every_decision_is_in_the_index_in_order() -> None:
    assert_same(decisions(), index())
    assert index() == sorted(index())


@pytest.mark.parametrize("decision", decisions())
def test_a_decision_has_all_its_parts_and_its_number(decision: str) -> None:
    title, *parts = headings_in((DECISIONS / decision).read_text())

    assert title.startswith(f"{decision[:4]} ")
    assert parts == PARTS_OF_A_DECISION


def test_every_decision_that_the_code_names_is_written_down() -> None:
    named = set().union(*(mentioned_decisions(path.read_text()) for path in sources()))

    assert named, "the search is blind"
    assert missing(named, {name[:4] for name in decisions()}) == []
    assert missing(mentioned_decisions("see ADR 9999"), {name[:4] for name in decisions()}) == ["9999"]


# Links and tables


def dead_links(text: str, file: Path) -> list[str]:
    """Relative links that lead to no file, or to no heading in it."""
    return [
        f"{path}{'#' if anchor else ''}{anchor}"
        for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", re.sub(r"`[^`\n]*`", "", text))
        if not _leads_somewhere(file.parent / path if path else file, anchor)
    ]


def _leads_somewhere(target: Path, anchor: str) -> bool:
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors_in(target.read_text()))


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    assert dead_links(path.read_text(), path) == []


def test_a_dead_link_is_noticed() -> None:
    text = (
        "[x](made-up.md) [x](#made-up) [x](reference.md#made-up) [x](reference.md#logs) [x](#logs) [x](ledger.md)"
    )

    assert dead_links(text, DOCS / "reference.md") == ["made-up.md", "#made-up", "reference.md#made-up"]


def test_every_row_of_the_reference_is_filled_in(reference: str) -> None:
    assert [cells for cells in rows(reference) if "" in cells] == []
    assert [cells for cells in rows("|a|b|\n|---|---|\n|`x`||") if "" in cells] == [["`x`", ""]]
