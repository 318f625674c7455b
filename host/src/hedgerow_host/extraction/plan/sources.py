"""The code of contexts, read and not run: every file of theirs, and the texts that stand in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hedgerow_host.checks.findings import Place
from hedgerow_host.checks.imports import Package

UNKNOWN = "unknown_"
"""Stands in a text for what is only known when the code runs."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a context."""

    context: str
    file: Path
    tree: ast.Module
    constants: Mapping[str, str]
    """The names that its module gives to texts."""

    def place(self, node: ast.expr | ast.stmt, *, further: int = 0) -> Place:
        """The line on which a node begins, or one that is `further` down."""
        return Place(self.file, node.lineno + further)

    def text_of(self, node: ast.AST | None) -> str | None:
        """What an expression says, if that can be known; what is put into it stays unknown."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.constants.get(name)
            case ast.JoinedStr(values=parts):
                return "".join(self.text_of(part) or "" for part in parts)
            case ast.FormattedValue(value=value):
                return self.text_of(value) or UNKNOWN
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                first, second = self.text_of(left), self.text_of(right)
                return None if first is None and second is None else (first or UNKNOWN) + (second or UNKNOWN)
        return None

    def texts(self) -> Iterator[tuple[ast.expr, str]]:
        """Every text that stands in it, but for docstrings; one that is put together is told once, as a whole."""
        yield from self._texts_in(self.tree)

    def _texts_in(self, node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            text = self.text_of(node)
            if text is not None:
                yield node, text
                return
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
                yield from self._texts_in(child)


@dataclass(frozen=True, slots=True)
class SqlFile:
    """A file of a context that holds statements."""

    context: str
    file: Path
    text: str


def sql_files_of(packages: Iterable[Package]) -> list[SqlFile]:
    """What packages bring as `.sql`."""
    return [
        SqlFile(package.context.name, file, file.read_text(encoding="utf-8", errors="replace"))
        for package in packages
        for file in sorted(_folder_of(package).rglob("*.sql"))
    ]


def sources_of(packages: Iterable[Package]) -> list[Source]:
    """Every file of these packages, also those that nobody imports, such as migrations."""
    return [
        Source(package.context.name, file, tree, _constants(tree))
        for package in packages
        for file in sorted(_folder_of(package).rglob("*.py"))
        if (tree := _parsed(file)) is not None
    ]


def _folder_of(package: Package) -> Path:
    below = package.name.removeprefix(package.root).strip(".")
    return package.folder.joinpath(*below.split(".")) if below else package.folder


def _parsed(file: Path) -> ast.Module | None:
    """None for what is no Python: whoever reads the imports says so."""
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return None


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
