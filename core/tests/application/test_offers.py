"""A folder is the list of what its files offer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest

from hedgerow_core.application.offers import NothingOfferedError, offers

Folder = Callable[..., ModuleType]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """`folder(larch="def offer(): …")`: a package of these modules."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def folder_of(**modules: str) -> ModuleType:
        package = tmp_path / "try_offers"
        package.mkdir()
        (package / "__init__.py").touch()
        for name, code in modules.items():
            (package / f"{name}.py").write_text(code)
        invalidate_caches()
        return import_module("try_offers")

    yield folder_of
    for module in [name for name in sys.modules if name.partition(".")[0] == "try_offers"]:
        del sys.modules[module]


def test_every_file_is_asked_in_the_order_of_their_names(folder: Folder) -> None:
    package = folder(oak="def offer(n): return f'oak {n}'", ash="def offer(n): return f'ash {n}'")

    assert offers(package, 7) == ("ash 7", "oak 7")


def test_an_empty_folder_offers_nothing(folder: Folder) -> None:
    assert offers(folder()) == ()


@pytest.mark.parametrize("code", ["", "offer = 1"])
def test_a_file_that_offers_nothing_is_named(folder: Folder, code: str) -> None:
    with pytest.raises(NothingOfferedError, match=r"try_offers\.oak offers nothing\. Give it"):
        offers(folder(oak=code))


def test_nothing_is_imported_before_somebody_asks(folder: Folder) -> None:
    package = folder(oak="def offer(): return 1")

    assert "try_offers.oak" not in sys.modules
    offers(package)
    assert "try_offers.oak" in sys.modules
