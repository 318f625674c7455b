"""A plan says what a step is to a release that runs on, or that nobody has looked."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import HistoryState, MigrationHistory, PendingRevision
from hedgerow_host.exits import HostError
from hedgerow_host.migration_plan import Kind, can_look, plan
from hedgerow_host.new_revision import write_revision


def state(*current: str) -> HistoryState:
    """The ledger of `users`, with all that comes after."""
    steps = [PendingRevision("users", each.revision, each.doc, "ledger") for each in LEDGER.after(current)]
    return HistoryState("users", LEDGER, current, tuple(steps))


def test_each_step_begins_where_the_one_before_ended() -> None:
    steps = plan([state("ledger_0002")])
    assert [(step.comes_after, step.revision) for step in steps] == [
        ("ledger_0002", "ledger_0003"),
        ("ledger_0003", "ledger_0004"),
        ("ledger_0004", "ledger_0005"),
        ("ledger_0005", "ledger_0006"),
    ]
    assert [step.kind for step in steps] == [Kind.CONTRACT, Kind.EXPAND, Kind.EXPAND, Kind.EXPAND]
    assert plan([state("ledger_0006")]) == []


def test_without_the_parser_nothing_is_called_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_look()
    monkeypatch.setitem(sys.modules, "postgast", None)

    assert not can_look()
    assert {step.kind for step in plan([state("ledger_0002")])} == {Kind.UNKNOWN}


def history(folder: Path, *revisions: str) -> MigrationHistory:
    """A package with revisions of these ids."""
    package = f"try_new_revision_{uuid4().hex[:8]}"
    (folder / package / "versions").mkdir(parents=True)
    (folder / package / "__init__.py").touch()
    for number, (before, revision) in enumerate(zip((None, *revisions), revisions, strict=False)):
        text = f"revision = {revision!r}\ndown_revision = {before!r}\n"
        (folder / package / "versions" / f"{number}.py").write_text(text)
    return MigrationHistory(package)


@pytest.mark.parametrize(
    ("revisions", "file", "revision"),
    [
        ((), "0001_more_names.py", "shed_0001"),
        (("shed_0001", "shed_0009"), "0010_more_names.py", "shed_0010"),
        (("v7",), "8_more_names.py", "v8"),
        (("ab12cdef", "beefcafe"), "0003_more_names.py", "shed_0003"),
    ],
)
def test_the_next_revision_has_the_next_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revisions: tuple[str, ...], file: str, revision: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = history(tmp_path, *revisions)

    path = write_revision("shed", mine, "More names!")

    assert path.name == file
    assert mine.heads == [revision]
    assert [each.doc for each in mine.revisions][-1] == "More names!"


def test_what_is_installed_belongs_to_whoever_builds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(str(installed))
    with pytest.raises(HostError, match="shed is installed, not here as sources"):
        write_revision("shed", history(installed), "more names")
