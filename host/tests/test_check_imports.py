"""The walls hold for every context that is installed, and each of them falls when somebody breaks it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hedgerow_host.checks import boundaries, check
from hedgerow_host.checks.boundaries import broken_boundaries
from hedgerow_host.checks.dependencies import OFFERED_BY_CORE, undeclared_imports
from hedgerow_host.checks.findings import Finding
from hedgerow_host.checks.imports import imports_of
from hedgerow_host.discovery import installed_contexts
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

LAID_OUT = {
    "domain/__init__.py": "",
    "domain/plant.py": "import datetime\nfrom hedgerow_core.domain import Entity\n",
    "application/__init__.py": "",
    "application/water.py": "from try_garden.domain import plant\n",
    "infrastructure/__init__.py": "",
    "infrastructure/tables.py": "import sqlalchemy\nfrom try_garden.domain.plant import datetime\n",
    "interfaces/__init__.py": "",
    "interfaces/http.py": "import fastapi\nfrom try_garden.application import water\n",
    "settings.py": "import pydantic_settings\n",
    "container.py": "from try_garden.infrastructure import tables\nfrom try_garden.interfaces import http\n",
}
"""Every floor of a context, and nothing that leads upwards."""

BREAKS = {
    "E011": ("application/water.py", "from try_garden.infrastructure import tables", "try_garden.infrastructure"),
    "E012": ("domain/plant.py", "import hedgerow_billing.contracts", "hedgerow_billing.contracts"),
    "E013": ("interfaces/http.py", "from hedgerow_host import settings", "hedgerow_host"),
    "E014": ("domain/plant.py", "import pydantic", "pydantic"),
    "E015": ("application/water.py", "from sqlalchemy import text", "sqlalchemy"),
    "E016": ("infrastructure/tables.py", "from hedgerow_core.plugin import Manifest", "hedgerow_core.plugin"),
}
"""For each rule: a module that breaks it, the line with which it does, and what it names."""

MORE_BREAKS = [
    (
        "E011",
        "interfaces/sideways.py",
        "import try_garden.infrastructure.tables",
        "try_garden.infrastructure.tables",
    ),
    ("E011", "settings.py", "import try_garden.application.water", "try_garden.application.water"),
    ("E011", "container.py", "import try_garden.plugin", "try_garden.plugin"),
    ("E012", "helper.py", "def late():\n    import hedgerow_users", "hedgerow_users"),
    ("E014", "domain/plant.py", "from hedgerow_core.application import Bus", "hedgerow_core.application"),
    ("E014", "domain/plant.py", "import jinja2", "jinja2"),
    ("E016", "helper.py", "import hedgerow_core.plugin.hookspecs", "hedgerow_core.plugin.hookspecs"),
]
"""Further ways through."""


def broken(*names: str) -> list[Finding]:
    """What is found in the sources of these contexts, against each other."""
    imports, unreadable = imports_of(one for one in installed_contexts() if one.name in names)
    return [*unreadable, *broken_boundaries(imports)]


def undeclared(*names: str) -> list[Finding]:
    imports, _unreadable = imports_of(one for one in installed_contexts() if one.name in names)
    return list(undeclared_imports(imports))


def with_line(file: str, line: str) -> Mapping[str, str]:
    return {**LAID_OUT, file: f"{LAID_OUT.get(file, '')}{line}\n"}


def test_our_own_contexts_keep_every_rule_and_declare_what_they_import() -> None:
    imports, unreadable = imports_of(installed_contexts())

    assert {"users", "billing"} <= {package.context.name for package in imports.packages}
    found = [*unreadable, *broken_boundaries(imports), *undeclared_imports(imports)]
    assert [one for one in found if one.context in ("users", "billing")] == []


def test_a_context_that_is_laid_out_as_ours_keeps_every_rule(install: Install) -> None:
    install("garden", "", files=LAID_OUT)

    assert broken("garden") == []
    assert undeclared("garden") == []


@pytest.mark.parametrize(
    ("number", "file", "line", "named"),
    [(number, *broken) for number, broken in BREAKS.items()] + MORE_BREAKS,
)
def test_an_import_through_a_wall_is_found_with_its_line(
    install: Install, tmp_path: Path, number: str, file: str, line: str, named: str
) -> None:
    install("garden", "", files=with_line(file, line))

    (found,) = broken("garden", *(name for name in ("users", "billing") if f"hedgerow_{name}" in line))

    assert found.id == f"garden.{number}"
    assert found.subject == f"try_garden.{file.removesuffix('.py').replace('/', '.')}"
    assert found.what.startswith(f"imports {named}")
    assert found.place is not None
    assert found.place.file == tmp_path / "try_garden" / file
    assert line.splitlines()[-1] == found.place.file.read_text().splitlines()[found.place.line - 1]


def test_every_rule_about_imports_has_a_break() -> None:
    numbers = re.findall(r'number="(E\d+)"', inspect.getsource(boundaries))

    assert sorted(BREAKS) == sorted(numbers)


def test_a_way_through_other_modules_is_shown_link_by_link(install: Install, tmp_path: Path) -> None:
    install(
        "garden",
        "",
        files={**with_line("domain/plant.py", "from try_garden import shed"), "shed.py": "x = 1\nimport jinja2\n"},
    )

    (found,) = broken("garden")

    assert (found.id, found.subject) == ("garden.E014", "try_garden.domain.plant")
    assert found.what.startswith("imports try_garden.shed, which imports jinja2, but ")
    assert found.sources == (f"{tmp_path / 'try_garden' / 'shed.py'}:2",)


def test_another_layout_keeps_its_own_inside_but_the_walls_around_it_hold(install: Install) -> None:
    files = {
        "models.py": "import sqlalchemy\nimport try_flat.views\n",
        "views.py": "import fastapi\nimport hedgerow_users.contracts\n",
        "application/__init__.py": "import sqlalchemy\n",
    }
    install("flat", "", files=files)

    assert [one.id for one in broken("flat", "users")] == ["flat.E012"]


def test_the_hooks_may_lie_in_the_package_itself(install: Install, tmp_path: Path) -> None:
    install("garden", "", files={"__init__.py": "from hedgerow_core.plugin import hookimpl\n", "plugin.py": ""})
    entry_points = tmp_path / "try_garden-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[hedgerow.contexts]\ngarden = try_garden\n")
    assert broken("garden") == []

    (tmp_path / "try_garden" / "more.py").write_text("from hedgerow_core.plugin import hookimpl\n")

    assert [(one.id, one.subject) for one in broken("garden")] == [("garden.E016", "try_garden.more")]


def test_two_contexts_in_one_package_are_held_apart(install: Install, tmp_path: Path) -> None:
    install(
        "farm",
        "",
        files={"field/__init__.py": "", "field/plugin.py": "", "barn/__init__.py": "", "barn/plugin.py": ""},
    )
    entry_points = tmp_path / "try_farm-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[hedgerow.contexts]\nfield = try_farm.field.plugin\nbarn = try_farm.barn.plugin\n")
    assert broken("field", "barn") == []

    (tmp_path / "try_farm" / "field" / "plugin.py").write_text("from try_farm.barn import plugin\n")

    assert [(one.id, one.subject) for one in broken("field", "barn")] == [("field.E012", "try_farm.field.plugin")]


def test_a_namespace_is_no_package(install: Install, tmp_path: Path) -> None:
    install("garden", "")
    (tmp_path / "acme" / "garden").mkdir(parents=True)
    (tmp_path / "acme" / "garden" / "__init__.py").touch()
    (tmp_path / "acme" / "garden" / "plugin.py").write_text("import hedgerow_host\n")
    entry_points = tmp_path / "try_garden-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[hedgerow.contexts]\ngarden = acme.garden.plugin\n")

    assert [(one.id, one.subject) for one in broken("garden")] == [("garden.E013", "acme.garden.plugin")]


def test_what_cannot_be_looked_at_is_said(install: Install, tmp_path: Path) -> None:
    install("garden", "")
    install("hut", "", files={"torn.py": "x = 1\ny = = 1\n"})
    (tmp_path / "loose.py").touch()
    entry_points = tmp_path / "try_garden-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[hedgerow.contexts]\ngarden = loose\nruin = nowhere.plugin\nheap = !!\n")

    install("den", "")
    (tmp_path / "try_den" / "latin.py").write_bytes(b'x = "\xe9"\n')
    install("pit", "", files={"more.py": "import hedgerow_host"})

    found = {one.id: one for one in broken("garden", "ruin", "heap", "hut", "den", "pit")}

    assert found.keys() == {"garden.N002", "ruin.N002", "heap.N002", "hut.E010", "den.E010", "pit.E013"}
    assert "latin.py" in found["den.E010"].what
    assert str(found["hut.E010"].place) == f"{tmp_path / 'try_hut' / 'torn.py'}:2"


def test_a_context_that_cannot_be_composed_is_looked_at_all_the_same(install: Install) -> None:
    install("garden", "raise RuntimeError('locked')", files=with_line("domain/plant.py", "import pydantic"))

    findings, assembly = check(HostSettings(contexts=("garden",)))

    assert assembly is None
    assert [one.id for one in findings] == ["garden.E001", "garden.E014"]
    assert findings[0].place is not None


# What a context declares


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("import jinja2", "jinja2"),
        ("import jwt", "pyjwt"),
        ("def late():\n    from stripe import StripeClient", "stripe"),
        ("import hedgerow_nowhere", "hedgerow-nowhere"),
    ],
)
def test_what_is_imported_and_not_declared_is_found(
    install: Install, tmp_path: Path, line: str, named: str
) -> None:
    install("garden", "", files={"shed.py": f"{line}\n"})

    (found,) = undeclared("garden")

    assert (found.id, found.subject, found.fix) == (
        "garden.E017",
        "try_garden",
        f"uv add --package try_garden {named}",
    )
    assert found.place is not None
    assert (found.place.file, found.place.line) == (tmp_path / "try_garden" / "shed.py", len(line.splitlines()))


@pytest.mark.parametrize(
    "line",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import jinja2",
        "try:\n    import jinja2\nexcept ImportError:\n    jinja2 = None",
        "import json, sqlalchemy, hedgerow_core.domain",
        "from . import plugin",
        "import neighbour",
    ],
)
def test_what_is_not_needed_or_is_its_own_needs_no_declaration(install: Install, tmp_path: Path, line: str) -> None:
    (tmp_path / "neighbour.py").touch()
    install("garden", "", files={"shed.py": f"{line}\n"})

    assert undeclared("garden") == []


@pytest.mark.parametrize(
    ("extra", "found"), [('hedgerow-elsewhere; extra == "cards"', []), ('jinja2; extra == "cards"', ["E017"])]
)
def test_what_an_extra_would_bring_that_is_not_installed_is_not_guessed_at(
    install: Install, extra: str, found: list[str]
) -> None:
    requires = ("hedgerow-core", extra)
    install("garden", "", files={"shed.py": "def late():\n    import hedgerow_nowhere\n"}, requires=requires)

    assert [one.number for one in undeclared("garden")] == found


def test_a_declaration_counts_under_whatever_condition(install: Install) -> None:
    requires = ("hedgerow-core", "Jinja2>=3; python_version >= '3.11'", 'stripe; extra == "cards"')
    install("garden", "", files={"shed.py": "import jinja2, stripe\n"}, requires=requires)

    assert undeclared("garden") == []


def test_who_does_not_declare_core_has_not_declared_what_core_offers(install: Install) -> None:
    install("garden", "", requires=())

    named = {one.fix.rpartition(" ")[2] for one in undeclared("garden")}

    assert {"hedgerow-core", "fastapi", "pydantic", "dependency-injector"} <= named


def test_what_core_offers_is_what_core_requires() -> None:
    required = {canonicalize_name(Requirement(line).name) for line in distribution("hedgerow-core").requires or ()}

    assert required >= OFFERED_BY_CORE
    assert not required >= {*OFFERED_BY_CORE, "jinja2"}
