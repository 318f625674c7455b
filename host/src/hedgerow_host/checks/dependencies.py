"""Whether a context declares what it imports: what merely lies around here may be missing elsewhere."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hedgerow_host.checks.findings import Finding, Place
from hedgerow_host.checks.imports import HOST_PACKAGE, Imports, Package

CORE_DISTRIBUTION = "hedgerow-core"
OFFERED_BY_CORE = frozenset(
    {"alembic", "dependency-injector", "fastapi", "pydantic", "pydantic-settings", "sqlalchemy", "starlette"}
)
"""The hooks speak in their types, so core can't drop them without breaking every context: who declares core has
declared them. What core needs for itself (asyncpg, PyJWT, redis …) may go with any release."""


def undeclared_imports(imports: Imports) -> Iterator[Finding]:
    """Every distribution that a context imports and its own does not require, once, where it is first imported."""
    brought_by = packages_distributions()
    forbidden = {HOST_PACKAGE, *(package.root.partition(".")[0] for package in imports.packages)}
    for package in imports.packages:
        own = package.context.entry_point.dist
        if own is None:
            continue
        fine, cannot_be_told = {canonicalize_name(own.name), *_declared(own)}, _awaits_an_extra(own)
        for top, modules in sorted(_imported_by(package, imports).items()):
            names = _distributions(top, brought_by)
            if top in forbidden or names & fine:
                continue
            if not names and (cannot_be_told or _lies_beside(top, package)):
                continue
            place = next(
                (found for module in sorted(modules) if (found := _needed(imports.file_of(module), top))), None
            )
            if place is not None:
                yield _finding(package, own.name, top, names, place)


def _declared(own: Distribution) -> set[str]:
    """What the distribution requires, also under a condition or an extra."""
    names: set[str] = {canonicalize_name(Requirement(line).name) for line in own.requires or ()}
    return names | OFFERED_BY_CORE if CORE_DISTRIBUTION in names else names


def _awaits_an_extra(own: Distribution) -> bool:
    """Whether an extra is declared that is not installed: which modules it would bring, nobody here can tell."""
    requirements = [Requirement(line) for line in own.requires or ()]
    wanted = [one.name for one in requirements if one.marker is not None and "extra" in str(one.marker)]
    return any(_installed(name) is None for name in wanted)


def _installed(name: str) -> Distribution | None:
    """What is installed under this name."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _imported_by(package: Package, imports: Imports) -> Mapping[str, set[str]]:
    """The modules of the package by what they import from elsewhere, Python itself excepted."""
    found: dict[str, set[str]] = {}
    own = imports.modules_of(package.name)
    for module in own:
        for imported in imports.graph.find_modules_directly_imported_by(module):
            top = imported.partition(".")[0]
            if top not in sys.stdlib_module_names and imported not in own:
                found.setdefault(top, set()).add(module)
    return found


def _distributions(top: str, brought_by: Mapping[str, Sequence[str]]) -> set[str]:
    """Which distributions bring a module. One that is installed from its sources doesn't list its files."""
    if top in brought_by:
        return {canonicalize_name(name) for name in brought_by[top]}
    found = _installed(top)
    return set() if found is None else {canonicalize_name(found.name)}


def _lies_beside(top: str, package: Package) -> bool:
    spec = find_spec(top)
    return spec is not None and spec.origin is not None and Path(spec.origin).is_relative_to(package.folder.parent)


def _needed(file: Path | None, top: str) -> Place | None:
    """The first line of a module that fails without `top`: not for type checkers alone, and not merely tried."""
    if file is None:
        return None
    return next((Place(file, line) for line in _lines_that_need(top, ast.parse(file.read_bytes()))), None)


def _lines_that_need(top: str, node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Import):
        named = [alias.name for alias in node.names]
    else:
        named = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
    if any(name.partition(".")[0] == top for name in named):
        yield node.lineno  # type: ignore[attr-defined] # both kinds of import have it
    for child in _run_in_earnest(node):
        yield from _lines_that_need(top, child)


def _run_in_earnest(node: ast.AST) -> Iterable[ast.AST]:
    """What is inside, but for what only type checkers see, or what somebody is ready to do without."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return node.orelse
    if isinstance(node, ast.Try) and any(_forgives(handler) for handler in node.handlers):
        return [*node.handlers, *node.finalbody]
    return ast.iter_child_nodes(node)


def _forgives(handler: ast.ExceptHandler) -> bool:
    names = (
        {one.id for one in ast.walk(handler.type) if isinstance(one, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception"})


def _finding(package: Package, own: str, top: str, names: set[str], place: Place) -> Finding:
    needed = min(names, default=canonicalize_name(top))
    brought = "" if needed == canonicalize_name(top) else f", which {needed} brings"
    return Finding(
        context=package.context.name,
        number="E017",
        subject=own,
        what=f"imports {top}{brought}, and does not declare it",
        fix=f"uv add --package {own} {needed}",
        place=place,
    )
