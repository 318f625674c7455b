"""Contexts written inside a test: installed for its duration, with real metadata and a real entry point."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from hedgerow_core.observability.own_code import ENTRY_POINT_GROUP

PREAMBLE = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from dependency_injector import containers, providers

from hedgerow_core.application import Command, CommandHandler, Task
from hedgerow_core.http import ContextRouter, authenticated, idempotent, permitted, public
from hedgerow_core.messaging import EventContract, LedgerWork, Subscription, TaskHandler
from hedgerow_core.plugin import Handlers, Manifest, Subscriptions, hookimpl
from hedgerow_core.security import Permission

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: LedgerWork(
        connection, context=container.core.context(), clock=container.core.clock(), translations={}))
"""
"""What every context of a test begins with; a later definition of the same hook replaces it."""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("garden", code, ...)`: a distribution whose `plugin` module is a preamble and the code.

    `files` are its other modules, `requires` what it declares to need, and `group` is that of its entry point.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def install_context(
        name: str,
        code: str,
        *,
        package: str | None = None,
        manifest: str = "",
        files: Mapping[str, str] | None = None,
        requires: Sequence[str] = ("hedgerow-core",),
        group: str = ENTRY_POINT_GROUP,
    ) -> None:
        package = package or f"try_{name}"
        declared = f'@hookimpl\ndef manifest():\n    return Manifest(name="{name}", version="1.0", {manifest})\n'
        wanted = declared.replace('version="1.0", ', 'version="1.0", core_api=">=0.1,<0.2", ')
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "plugin.py").write_text(f"{PREAMBLE}\n{wanted}\n{dedent(code)}")
        for file, content in (files or {}).items():
            (tmp_path / package / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / package / file).write_text(dedent(content))
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        needs = "".join(f"Requires-Dist: {needed}\n" for needed in requires)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n{needs}")
        (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {package}.plugin\n")

    yield install_context
    for module in set(sys.modules) - before:
        if module.startswith("try_"):
            del sys.modules[module]
