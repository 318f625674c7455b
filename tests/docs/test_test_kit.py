"""The reference tells all that the test kit gives, and nothing that it doesn't."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

import hedgerow_core.testing
import hedgerow_core.testing.plugin
import hedgerow_host.pytest_plugin
import hedgerow_host.testing
from tests.docs.markdown import DOCS, section, table

PLUGINS = (hedgerow_core.testing.plugin, hedgerow_host.pytest_plugin)
PACKAGES = (hedgerow_core.testing, hedgerow_host.testing)


@pytest.fixture(scope="module")
def documented() -> set[str]:
    named = table(section((DOCS / "reference.md").read_text(), "Test kit"))
    return {
        name for name in named if not name.startswith("HEDGEROW_TEST_")
    }  # variables: tests/docs/test_reference.py


def fixtures_of(module: ModuleType) -> set[str]:
    """Every pytest fixture that a module defines."""
    return {name for name, value in vars(module).items() if isinstance(value, FixtureFunctionDefinition)}


def test_every_fixture_and_every_exported_name_is_documented(documented: set[str]) -> None:
    given = set().union(*map(fixtures_of, PLUGINS), *(package.__all__ for package in PACKAGES))

    assert documented == given


def test_a_new_fixture_is_noticed(documented: set[str]) -> None:
    made_up = ModuleType("made_up")
    made_up.mole = pytest.fixture(lambda: None, name="mole")  # type: ignore[attr-defined]

    assert fixtures_of(made_up) - documented == {"mole"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_whatever_is_exported_says_what_it_is(package: ModuleType) -> None:
    shown = {name: getattr(package, name) for name in package.__all__}
    defined = {name: one for name, one in shown.items() if inspect.isclass(one) or inspect.isfunction(one)}
    silent = [name for name, one in defined.items() if not (one.__doc__ or "").strip()]

    assert len(defined) > 3
    assert silent == []
