"""Names that can't be had are refused before anything is written, with a reason and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.scaffold import naming
from hedgerow_host.scaffold.adding import add_use_case
from hedgerow_host.scaffold.making import make_app, make_context
from hedgerow_host.scaffold.places import context_around
from hedgerow_host.scaffold.publishers import event_named
from tests.processes import run


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Trees", "use lower-case letters, digits and _, at most 24 characters, such as trees"),
        ("fruit-trees", "such as fruit_trees"),
        ("FruitTrees", "such as fruit_trees"),
        ("2trees", "begin with a letter"),
        ("x" * 25, "at most 24 characters"),
        ("class", "is a word of Python"),
        ("match", "is a word of Python"),
        ("pg_trees", "is a schema of PostgreSQL's own"),
        ("public", "is a schema of PostgreSQL's own"),
        ("users", "there is a context users already: hedgerow_users.plugin of hedgerow-users"),
        ("trees", "a folder of this workspace holds a context trees already"),
    ],
)
def test_a_context_name_that_cant_be_had_is_refused(app: Path, name: str, why: str) -> None:
    before = set(app.rglob("*"))

    with pytest.raises(HostError) as refused:
        make_context(name, None, app)

    assert why in str(refused.value)
    assert "\n  fix: " in str(refused.value)
    assert refused.value.code is ExitCode.MISCONFIGURED
    assert set(app.rglob("*")) == before


def test_a_folder_that_is_there_is_left_alone(app: Path) -> None:
    (app / "contexts/shrubs").mkdir()
    (app / "contexts/shrubs/mine.txt").write_text("mine")

    with pytest.raises(HostError, match="shrubs is there already"):
        make_context("shrubs", None, app)
    with pytest.raises(HostError, match="orchard is there already"):
        make_app("orchard", app.parent)

    assert (app / "contexts/shrubs/mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["hedgerow", "Orchard", "my_app", "app-", "class"])
def test_an_app_name_that_cant_be_had_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError, match=name):
        make_app(name, tmp_path)


def test_outside_of_an_app_there_is_no_place_for_a_context(tmp_path: Path) -> None:
    told = run("new", "context", "trees", folder=tmp_path, environment={})

    assert told.returncode == 2
    assert "is in no app" in told.stderr
    assert "fix: go to the folder of an app, or make one: hedgerow new app NAME" in told.stderr


def test_a_use_case_that_is_there_is_left_alone(app: Path) -> None:
    context = context_around(app, None)
    file = context.sources / "application/commands/create_tree.py"
    before = file.read_text()

    with pytest.raises(HostError, match=r"create_tree\.py is there already"):
        add_use_case("command", "create_tree", context)

    assert file.read_text() == before
    assert not (app / "contexts/trees/tests/test_create_tree.py").exists()


def test_a_context_that_was_written_by_hand_is_not_written_into(app: Path) -> None:
    (app / "contexts/trees/.copier-answers.yml").unlink()

    with pytest.raises(HostError, match=r"was not made by `hedgerow new context`: its plugin\.py lists"):
        context_around(app, "trees")
    with pytest.raises(HostError, match="there is no context shrubs"):
        context_around(app, "shrubs")


def test_of_several_contexts_one_must_be_named_or_stood_in(app: Path) -> None:
    make_context("shrubs", None, app)

    with pytest.raises(HostError, match="give --context, one of shrubs, trees"):
        context_around(app, None)
    assert context_around(app, "trees").name == "trees"
    assert context_around(app / "contexts/shrubs/tests", None).name == "shrubs"


def test_what_a_subscription_may_hear_is_what_is_published() -> None:
    known = event_named("users.user_registered")
    assert (known["version"], known["fields"]) == (1, [("user_id", "UUID")])

    with pytest.raises(HostError, match=r"users\.user_eaten is not published") as refused:
        event_named("users.user_eaten")
    assert "choose one of users.user_deactivated," in str(refused.value)
    with pytest.raises(HostError, match="is no event"):
        event_named("UserRegistered")
    assert event_named("unknown.thing_happened")["fields"] == []


@pytest.mark.parametrize(
    ("context", "aggregate", "several"),
    [
        ("trees", "tree", "trees"),
        ("inventory", "item", "items"),
        ("companies", "company", "companies"),
        ("boxes", "box", "boxes"),
        ("press", "item", "items"),
        ("days", "day", "days"),
        ("purchase_orders", "purchase_order", "purchase_orders"),
    ],
)
def test_what_a_context_keeps_is_guessed_by_its_name(context: str, aggregate: str, several: str) -> None:
    assert naming.aggregate_in(context) == aggregate
    assert naming.plural_of(aggregate) == several


def test_a_word_that_the_code_of_every_context_uses_is_refused(app: Path) -> None:
    with pytest.raises(HostError, match="'event' means something else"):
        make_context("events", None, app)
