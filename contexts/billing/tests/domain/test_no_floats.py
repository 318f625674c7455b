"""No float comes near money: read off the source, for the whole context."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hedgerow_billing

SOURCE = Path(hedgerow_billing.__file__).parent
MONEY_PATHS = ("domain", "application", "infrastructure", "interfaces")
"""`settings.py`, beside them, counts seconds."""


def floats_in(source: str) -> Iterator[str]:
    """Every float, and everything that makes or demands one: by line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()):
                yield f"{node.lineno}: the literal {node.value}"
            case ast.BinOp(op=ast.Div()) if not (_joins_paths(node) or _is_of_seconds(node)):
                yield f"{node.lineno}: a true division"
            case ast.AugAssign(op=ast.Div()):
                yield f"{node.lineno}: a true division"
            case ast.Name(id="float"):
                yield f"{node.lineno}: float"
            case ast.Attribute(attr="truediv" | "fsum"):
                yield f"{node.lineno}: {node.attr}"
            case ast.Constant(value=str() as text) if text == "float":
                yield f"{node.lineno}: an annotation in quotes"


def _joins_paths(node: ast.BinOp) -> bool:
    """`folder / "name"`: a text divides nothing."""
    return isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)


def _is_of_seconds(node: ast.BinOp) -> bool:
    """`timeout_s / 2`: a name that ends so counts seconds."""
    name = node.left.attr if isinstance(node.left, ast.Attribute) else getattr(node.left, "id", "")
    return name.endswith("_s")


def files() -> list[Path]:
    return [path for folder in MONEY_PATHS for path in sorted((SOURCE / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_float_is_in_a_money_path(path: Path) -> None:
    assert list(floats_in(path.read_text())) == []


def test_there_are_files_to_look_at() -> None:
    names = {path.relative_to(SOURCE).as_posix() for path in files()}
    assert {"domain/money.py", "domain/taxes.py", "infrastructure/books.py"} <= names


@pytest.mark.parametrize(
    "source",
    [
        "RATE = 0.19",
        "tax = net * 1e-2",
        "tax = net / 100",
        "total /= 2",
        "amount = float(text)",
        "def tax(net: int) -> float: ...",
        "def tax(net: 'float') -> int: ...",
        "amounts: list[float] = []",
        "amounts = list(map(float, texts))",
        "total = math.fsum(amounts)",
        "share = operator.truediv(part, whole)",
        "nothing = 0j",
    ],
)
def test_a_float_is_noticed(source: str) -> None:
    assert len(list(floats_in(source))) == 1


def test_what_counts_in_whole_numbers_is_fine() -> None:
    source = """
share = (2 * amount * part + whole) // (2 * whole)
path = folder / "page.css"
half = self._timeout_s / 2
floats = divmod(7, 2)
"""
    assert list(floats_in(source)) == []
