"""Imports between the context that is to move and the others, by whatever way they are written."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from hedgerow_host.checks.findings import Finding, Place
from hedgerow_host.checks.imports import Imports, Package
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sources import Source

BY_NAME = frozenset({"__import__", "files", "find_spec", "import_module", "resolve_name", "run_module", "run_path"})
"""Functions of Python that take a module by its name. What is imported so, no reader of imports sees."""
FIX = "subscribe to its events, or ask one of its published queries, with a model of your own"


def crossing_imports(context: str, imports: Imports, sources: Sequence[Source]) -> Iterator[Obstacle]:
    """Every line on which the context imports another one, or another one imports it."""
    packages = {package.context.name: package for package in imports.packages}
    own = packages.pop(context, None)
    if own is None:
        return
    for other in packages.values():
        yield from _written_between(own, other, imports)
        yield from _written_between(other, own, imports)
    for source in sources:
        foreign = list(packages.values()) if source.context == context else [own]
        if source.context == context or source.context in packages:
            yield from _by_name(source, foreign)


def unreadable(findings: Iterable[Finding], contexts: Iterable[str]) -> Iterator[Obstacle]:
    """What the reader of imports could not read."""
    for finding in findings:
        if finding.context in contexts:
            yield Obstacle(
                kind="unreadable_code",
                subject=finding.subject,
                what=finding.what,
                fix=finding.fix,
                place=finding.place,
            )


def _written_between(importer: Package, imported: Package, imports: Imports) -> Iterator[Obstacle]:
    targets = imports.modules_of(imported.name)
    for module in sorted(imports.modules_of(importer.name)):
        file = imports.file_of(module)
        for target in sorted(imports.graph.find_modules_directly_imported_by(module) & targets):
            for line in imports.graph.get_import_details(importer=module, imported=target):
                place = Place(file, line["line_number"]) if file else None
                yield _obstacle(importer.context.name, target, imported.context.name, place)


def _by_name(source: Source, foreign: Sequence[Package]) -> Iterator[Obstacle]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or not node.args or _name_of(node.func) not in BY_NAME:
            continue
        named = source.text_of(node.args[0]) or ""
        for package in foreign:
            if named == package.name or named.startswith(f"{package.name}."):
                yield _obstacle(source.context, named, package.context.name, source.place(node))


def _name_of(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _obstacle(importer: str, module: str, imported: str, place: Place | None) -> Obstacle:
    return Obstacle(kind="import", subject=importer, what=f"imports {module} of {imported}", fix=FIX, place=place)
