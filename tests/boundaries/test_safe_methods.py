"""What is called by GET changes nothing (RFC 9110 §9.2.1): such a route asks queries and executes no command."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDGES = [*sorted(ROOT.glob("contexts/*/src/*/interfaces")), ROOT / "host/src/hedgerow_host/admin"]
SAFE = {"get", "head", "options"}
CHANGING = {"execute", "spend", "emit_event", "run_schedule", "commit"}
"""What a route calls that changes something. Queries go through `bus.ask` and `reads`: no transaction is opened."""

Route = ast.FunctionDef | ast.AsyncFunctionDef


def safe_routes(source: str) -> Iterator[Route]:
    """The endpoints that a module registers under a safe method."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Route) and any(method_of(decorator) in SAFE for decorator in node.decorator_list):
            yield node


def method_of(decorator: ast.expr) -> str | None:
    """`get` of `@router.get(…)`."""
    call = decorator.func if isinstance(decorator, ast.Call) else None
    return call.attr if isinstance(call, ast.Attribute) else None


def changes_in(route: Route) -> list[str]:
    """What the endpoint calls that changes something."""
    calls = [node.func for node in ast.walk(route) if isinstance(node, ast.Call)]
    return [call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in CHANGING]


def sources() -> list[Path]:
    return [path for edge in EDGES for path in sorted(edge.rglob("*.py"))]


def test_there_are_routes_to_look_at() -> None:
    assert sum(len(list(safe_routes(path.read_text()))) for path in sources()) >= 15


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_route_that_is_called_by_get_changes_nothing(path: Path) -> None:
    wrong = {route.name: changed for route in safe_routes(path.read_text()) if (changed := changes_in(route))}

    assert wrong == {}


def test_a_get_that_executes_a_command_is_noticed() -> None:
    (route,) = safe_routes(
        '@router.get("/out")\n@public\nasync def out() -> None:\n    await bus.execute(LogOut())\n'
    )

    assert changes_in(route) == ["execute"]
