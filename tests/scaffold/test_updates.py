"""What was made from templates follows them: what is new comes in, what its owner has changed stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hedgerow_host.exits import HostError
from hedgerow_host.scaffold.places import ANSWERS_FILE, Workspace, answers_in
from hedgerow_host.scaffold.releases import TEMPLATES
from hedgerow_host.scaffold.updating import update
from tests.processes import run
from tests.scaffold.conftest import Git

TREE = "src/orchard_trees/domain/tree.py"
TEMPLATE_OF_TREE = "context/src/{{ package }}/domain/{{ aggregate }}.py.jinja"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The templates of a later release: other files, and other lines in old ones."""
    templates = tmp_path / "newer"
    shutil.copytree(TEMPLATES, templates)
    changed = templates / TEMPLATE_OF_TREE
    text = changed.read_text()
    changed.write_text(text.replace("MAX_NAME = 200", "MAX_NAME = 300").replace("Create a new one.", "Plant one."))
    (templates / "context/NOTES.md.jinja").write_text("What {{ context }} is for.\n")
    (templates / "context/tests/test_migrations.py.jinja").unlink()
    return templates


def markers(folder: Path) -> list[Path]:
    """Whatever an update that went wrong leaves behind."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    left = [path for path in files if b"<<<<<<<" in path.read_bytes() or b">>>>>>>" in path.read_bytes()]
    return left + [path for path in files if path.suffix in (".rej", ".orig")]


def test_what_is_new_comes_in_and_what_the_owner_has_changed_stays(
    app: Path, trees: Path, git: Git, newer: Path
) -> None:
    mine = trees / TREE
    mine.write_text(mine.read_text().replace("something with a name", "wood with a name"))
    (trees / "src/orchard_trees/domain/roots.py").write_text('"""My own."""\n')
    git("add", "--all")
    git("commit", "--quiet", "--message", "mine")

    _app, context = update(Workspace(app, "orchard"), newer)

    updated = mine.read_text()
    assert "wood with a name" in updated
    assert "MAX_NAME = 300" in updated
    assert "Plant one." in updated
    assert (trees / "NOTES.md").read_text() == "What trees is for.\n"
    assert not (trees / "tests/test_migrations.py").exists()
    assert (trees / "src/orchard_trees/domain/roots.py").exists()
    assert (context.before, context.kept) == ("0.1.0", [])
    assert {path.name for path in context.changed} >= {"tree.py", "NOTES.md", "test_migrations.py"}
    assert answers_in(trees / ANSWERS_FILE)["_commit"] == context.after != context.before
    assert markers(app) == []
    git("add", "--all")
    git("commit", "--quiet", "--message", "updated")
    assert [one.changed for one in update(Workspace(app, "orchard"), newer)] == [[], []], "it is up to date now"


def test_where_both_have_changed_the_same_lines_the_owners_stand_and_are_named(
    app: Path, trees: Path, git: Git, newer: Path
) -> None:
    mine = trees / TREE
    mine.write_text(mine.read_text().replace("MAX_NAME = 200", "MAX_NAME = 7"))
    git("add", "--all")
    git("commit", "--quiet", "--message", "mine")

    _app, context = update(Workspace(app, "orchard"), newer)

    assert context.kept == [mine]
    assert "MAX_NAME = 7" in mine.read_text()
    assert "Plant one." in mine.read_text(), "what nobody contests comes in"
    assert markers(app) == []
    assert git("ls-files", "--unmerged") == ""


def test_templates_that_have_not_changed_change_nothing(app: Path, trees: Path, git: Git) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", "mine")

    told = run("template", "update", "--json", folder=app, environment={})

    assert told.returncode == 0, told.stderr
    assert [(row["what"], row["before"], row["after"], row["changed"]) for row in json.loads(told.stdout)] == [
        (".", "0.1.0", "0.1.0", []),
        ("contexts/trees", "0.1.0", "0.1.0", []),
    ]
    assert git("status", "--porcelain") == ""


def test_an_update_waits_until_everything_is_committed(app: Path, trees: Path, git: Git, newer: Path) -> None:
    with pytest.raises(HostError, match="changes that are not committed"):
        update(Workspace(app, "orchard"), newer)
    assert "MAX_NAME = 200" in (trees / TREE).read_text()


def test_without_git_nothing_is_updated(app: Path, newer: Path) -> None:
    with pytest.raises(HostError, match="is in no git repository"):
        update(Workspace(app, "orchard"), newer)
