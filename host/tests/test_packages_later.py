"""A package that is run later gives what it would have given, and runs when it is asked for what is not at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from hedgerow_host.packages_later import run_later

FILES = {
    "__init__.py": "from orchard_of_a_test.trees import Tree\nfrom orchard_of_a_test.press import Press\nNAME = 1",
    "trees.py": "from . import soil\nclass Tree: grows_on = soil",
    "soil.py": "",
    "press.py": "class Press: ...",
}
AT_HAND = ("trees:Tree", "soil")


@pytest.fixture
def orchard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that gathers what its modules have."""
    package = tmp_path / "orchard_of_a_test"
    package.mkdir()
    for name, written in FILES.items():
        (package / name).write_text(written)
    monkeypatch.syspath_prepend(tmp_path)
    yield package.name
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def imported(package: str) -> set[str]:
    return {name.rpartition(".")[2] for name in sys.modules if name.startswith(f"{package}.")}


def test_what_is_at_hand_comes_without_the_rest(orchard: str) -> None:
    run_later(orchard, AT_HAND)
    from orchard_of_a_test import Tree  # type: ignore[import-not-found]

    assert Tree is import_module(f"{orchard}.trees").Tree
    assert Tree.grows_on is import_module(f"{orchard}.soil")
    assert imported(orchard) == {"trees", "soil"}


@pytest.mark.parametrize("name", ["Press", "NAME"])
def test_whoever_asks_for_more_gets_it_and_the_package_is_what_it_always_was(orchard: str, name: str) -> None:
    run_later(orchard, AT_HAND)
    tree = import_module(orchard).Tree
    assert getattr(import_module(orchard), name)

    assert imported(orchard) == {"trees", "soil", "press"}
    assert import_module(orchard).Tree is tree
    assert not hasattr(import_module(orchard), "__getattr__")


def test_what_it_never_had_it_does_not_have_now(orchard: str) -> None:
    run_later(orchard, AT_HAND)

    with pytest.raises(AttributeError, match="has no attribute 'Hedge'"):
        import_module(orchard).Hedge  # noqa: B018


def test_one_that_has_run_stays_as_it_is(orchard: str) -> None:
    before = import_module(orchard)
    run_later(orchard, AT_HAND)

    assert import_module(orchard) is before
    assert imported(orchard) == {"trees", "soil", "press"}, "else the first of these tests could not fail"
