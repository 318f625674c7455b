"""What installed contexts import, read from their sources: nothing of theirs is run for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import grimp
from grimp.exceptions import SourceSyntaxError

import hedgerow_core
from hedgerow_host.checks.findings import Finding, Place
from hedgerow_host.loading import InstalledContext

CORE = hedgerow_core.__name__
HOST_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Package:
    """Where the code of a context lies."""

    context: InstalledContext
    name: str
    """`hedgerow_billing`. Of several contexts in one package: that part of it which holds the hooks."""
    root: str
    """The outermost package that is no mere namespace."""
    folder: Path
    """Of the outermost package."""

    @property
    def door(self) -> str:
        """The module that holds the hooks."""
        return _module_of(self.context)


@dataclass(frozen=True, slots=True)
class Imports:
    """Who imports whom, between the modules of these packages and of core. Whoever is beyond them has one name."""

    graph: grimp.ImportGraph
    packages: Sequence[Package]
    folders: Mapping[str, Path]

    def modules_of(self, package: str) -> set[str]:
        """A package and all below it."""
        return {package, *self.graph.find_descendants(package)} if package in self.graph.modules else set()

    def place(self, importer: str, imported: str) -> Place | None:
        """The first line on which one module imports another."""
        file = self.file_of(importer)
        lines = [one["line_number"] for one in self.graph.get_import_details(importer=importer, imported=imported)]
        return Place(file, min(lines)) if file and lines else None

    def file_of(self, module: str) -> Path | None:
        """The file that holds a module."""
        for root, folder in self.folders.items():
            if module == root or module.startswith(f"{root}."):
                stem = folder.joinpath(*module.removeprefix(root).split(".")[1:])
                return next(
                    (file for file in (stem / "__init__.py", stem.with_suffix(".py")) if file.is_file()), None
                )
        return None


def imports_of(contexts: Iterable[InstalledContext]) -> tuple[Imports, list[Finding]]:
    """The imports of all contexts that can be read, and findings about those that can't."""
    packages, findings = _packages(contexts)
    try:
        return _scanned(packages), findings
    except (SourceSyntaxError, UnicodeError):
        found = {package.context.name: _unparsable(package) for package in packages}
        findings += [finding for finding in found.values() if finding is not None]
        return _scanned([package for package in packages if found[package.context.name] is None]), findings


def _packages(contexts: Iterable[InstalledContext]) -> tuple[list[Package], list[Finding]]:
    found, findings = [], []
    for context in contexts:
        root = _root_of(_module_of(context))
        if root is None:
            findings.append(_unreadable(context))
        else:
            found.append((context, *root))
    shared = Counter(root for _context, root, _folder in found)
    return [
        Package(context, _module_of(context).rpartition(".")[0] if shared[root] > 1 else root, root, folder)
        for context, root, folder in found
    ], findings


def _root_of(module: str) -> tuple[str, Path] | None:
    """The outermost package that is no mere namespace. To look for it runs no code of its own."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        spec = find_spec(name) if name else None
        if spec is None:
            return None
        if spec.origin is not None:
            folder = Path(next(iter(spec.submodule_search_locations or ()), ""))
            return (name, folder) if folder.is_absolute() and folder.is_dir() else None
    return None


def _module_of(context: InstalledContext) -> str:
    """Without the object in it that an entry point may also name."""
    return context.module.partition(":")[0]


def _scanned(packages: Sequence[Package]) -> Imports:
    folders = {CORE: Path(hedgerow_core.__path__[0])}
    folders |= {package.root: package.folder for package in packages}
    graph = grimp.build_graph(*folders, include_external_packages=True, cache_dir=None)
    return Imports(graph, packages, folders)


def _unparsable(package: Package) -> Finding | None:
    try:
        grimp.build_graph(package.root, cache_dir=None)
    except SourceSyntaxError as error:
        what, place = "holds a module that is no Python", Place(Path(error.filename), error.lineno or 1)
    except UnicodeError as error:
        what, place = f"holds a module that is no text: {error}", None
    else:
        return None
    return Finding(
        context=package.context.name,
        number="E010",
        subject=package.root,
        what=f"{what}; its imports are not looked at",
        fix="mend the file, or delete it",
        place=place,
    )


def _unreadable(context: InstalledContext) -> Finding:
    return Finding(
        context=context.name,
        number="N002",
        subject=context.module,
        what="is in no package that is there, so what it imports is not looked at",
        fix="make it a package: a folder with an __init__.py",
    )
