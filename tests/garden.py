"""`garden`: the smallest context there is, for tests that want one more, or a broken one."""

from __future__ import annotations

from pathlib import Path

GARDEN = """
from dependency_injector import containers, providers
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.plugin import Handlers, Manifest, hookimpl

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

@hookimpl
def manifest():
    return Manifest(name="garden", version="1.0", core_api=">=0.1,<0.2")

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: LedgerWork(
        connection, context="garden", clock=container.core.clock(), translations={}))

@hookimpl
def routes(bus):
    router = ContextRouter("garden")

    @router.get("/plant")
    @public
    async def plant() -> str:
        return "ANSWER"

    return [router]
"""
"""A context with one route, whose answer a test may change."""

FAILING_LIFESPAN = """
@hookimpl
def lifespan(container):
    raise RuntimeError("thorns")
"""


def install_garden(folder: Path, code: str, *, name: str = "garden") -> Path:
    """Install it below `folder`, which must be on the PYTHONPATH; returns its source file."""
    return install_context(folder, name, code)


def install_context(
    folder: Path, name: str, code: str, *, package: str | None = None, points_to: str | None = None
) -> Path:
    """Install a distribution of one module that offers a context; returns its source file."""
    package = package or name
    source, metadata = folder / package / "__init__.py", folder / f"{package}-1.0.dist-info"
    source.parent.mkdir(parents=True)
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: hedgerow-core\n"
    )
    (metadata / "entry_points.txt").write_text(f"[hedgerow.contexts]\n{name} = {points_to or package}\n")
    source.write_text(code)
    return source
