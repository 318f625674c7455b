"""The strings below the fields of a class: Python throws them away, so they are read where they are written."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from textwrap import dedent


def attribute_docs(kind: type) -> Mapping[str, str]:
    """What stands below each field of a class, by its name. Nothing where the source is not at hand."""
    try:
        written = ast.parse(dedent(inspect.getsource(kind))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    assert isinstance(written, ast.ClassDef)  # noqa: S101 - what getsource promises of a class
    docs = {}
    for statement, below in zip(written.body, written.body[1:], strict=False):
        name = _assigned(statement)
        if name and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            docs[name] = inspect.cleandoc(str(below.value.value))
    return docs


def _assigned(statement: ast.stmt) -> str | None:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return None
