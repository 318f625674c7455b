"""Every number that `hedgerow check` may print, and every kind of `extract plan`, stands in the reference."""

from __future__ import annotations

import ast
import re

import pytest

from hedgerow_host.checks.meanings import MEANINGS
from hedgerow_host.extraction.plan.obstacles import KINDS, Weight
from tests.docs.markdown import DOCS, rows, section
from tests.docs.test_reference import ROOT, TUTORIAL_CONTEXT, assert_same, missing, names_used_in, strings_in

NUMBER = re.compile(r"([a-z]+\.)?[EWN]\d{3}")


def numbers_in(source: str) -> set[str]:
    """Every number of a finding that stands in a module by itself, but for the list of their meanings."""
    texts = (
        text
        for statement in ast.parse(source).body
        if not (isinstance(statement, ast.Assign) and "MEANINGS" in names_used_in(statement))
        for text in strings_in(statement)
    )
    return {text for text in texts if NUMBER.fullmatch(text)}


def numbers_of_contexts() -> set[str]:
    """The numbers of the concerns that contexts bring, behind their names."""
    return {
        f"{folder.name}.{number}"
        for folder in (ROOT / "contexts").iterdir()
        if folder.name != TUTORIAL_CONTEXT
        for path in folder.rglob("src/**/concerns.py")
        for number in numbers_in(path.read_text())
    }


@pytest.fixture
def reference() -> str:
    return (DOCS / "reference" / "checks.md").read_text()


def documented_numbers(reference: str) -> set[str]:
    return {
        cells[0] for cells in rows(section(reference, "Findings of `hedgerow check`")) if NUMBER.fullmatch(cells[0])
    }


def test_every_number_of_a_finding_is_documented_with_cause_and_fix(reference: str) -> None:
    given = {number for path in (ROOT / "host/src").rglob("checks/*.py") for number in numbers_in(path.read_text())}

    assert_same(given, MEANINGS)
    assert {"users.W501", "billing.W501"} <= numbers_of_contexts(), "the search is blind"
    assert_same({*MEANINGS, *numbers_of_contexts()}, documented_numbers(reference))


def test_a_new_number_is_noticed(reference: str) -> None:
    assert numbers_in('Finding(number="E099")\ntell("W199", "E1 …")\nMEANINGS = {"E001": ""}') == {"E099", "W199"}
    assert missing({"E099"}, documented_numbers(reference)) == ["E099"]


def documented_kinds(reference: str) -> dict[str, str]:
    """Kind and meaning of everything that a plan may say."""
    wanted = rows(section(reference, "Obstacles of `hedgerow extract plan`"))
    return {cells[0]: cells[1] for cells in wanted if not cells[0].startswith("`")}


def test_every_kind_of_a_plan_is_documented_and_a_caution_is_called_one(reference: str) -> None:
    documented = documented_kinds(reference)

    assert_same(KINDS, documented)
    cautions = {kind for kind, meaning in documented.items() if meaning.startswith("Caution: ")}
    assert cautions == {kind for kind, each in KINDS.items() if each.weight is Weight.CAUTION}
