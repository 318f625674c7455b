"""`weed`, a context that can be broken in many ways, and `rose`, a sound one beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.garden import install_context

SOUND = """
import asyncio, os, sys, threading, time
from contextlib import asynccontextmanager
from typing import ClassVar
from dependency_injector import containers, providers
from fastapi import APIRouter
from pydantic_settings import BaseSettings, SettingsConfigDict
from hedgerow_core.http import ContextRouter, permitted, public
from hedgerow_core.messaging import EventContract, LedgerWork
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import Handlers, Manifest, Subscriptions, hookimpl
from hedgerow_core.security import KeyAuthority, Permission

NAME = "weed"
PATHS = ("/grow",)
class Grown(EventContract):
    event_type: ClassVar[str] = f"{NAME}.grown"

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

def manifest_with(**changed):
    sound = {"name": NAME, "version": "1.0", "core_api": ">=0.1,<0.2"}
    return Manifest(**sound | {"permissions": (Permission(f"{NAME}:root:pull", "user", "Pull it"),)} | changed)

@hookimpl
def manifest():
    return manifest_with()

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: LedgerWork(
        connection, context=NAME, clock=container.core.clock(), translations={}))

@hookimpl
def subscriptions():
    return Subscriptions(publishes=(Grown,))

@hookimpl
def routes():
    inside, outside = ContextRouter(NAME), ContextRouter(NAME, prefix="/.well-known")
    for path in PATHS:
        router = outside if path == "/flowers" else inside
        @router.get(path, name=path)
        @public
        async def answer() -> str:
            return NAME
    return [inside, outside]

@hookimpl
def authenticators():
    async def find(key, network):
        return None
    return [KeyAuthority(prefix=f"{NAME}_", find=find)]
"""

ROSE = SOUND.replace('NAME = "weed"', 'NAME = "rose"').replace('("/grow",)', '("/grow", "/flowers")')

LIFESPAN = """
@hookimpl
@asynccontextmanager
async def lifespan(container):
    {0}
    yield
"""
REVISION = """
'''one'''
revision, down_revision, branch_labels, depends_on = {revision!r}, {before!r}, None, None
def upgrade(): {upgrade}
"""

_number = count()

Plant = Callable[[Path], None]
"""Installs `weed` below a folder."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way in which a context can be broken."""

    name: str
    plant: Plant
    told: str
    """What the diagnosis says."""
    late: bool = False
    """Whether it only shows when its lifespan is entered, or after that."""

    def __str__(self) -> str:
        return self.name


def plant_weed(folder: Path, code: str, *, points_to: str = "PACKAGE") -> Path:
    """Install it under a package of its own: a thread that hangs in an import keeps the module's name for ever."""
    package = f"weed_{next(_number)}"
    code, points_to = code.replace("PACKAGE", package), points_to.replace("PACKAGE", package)
    return install_context(folder, "weed", code, package=package, points_to=points_to)


def code(text: str, *, points_to: str = "PACKAGE") -> Plant:
    """Installs `weed` with this code."""

    def plant(folder: Path) -> None:
        plant_weed(folder, text, points_to=points_to)

    return plant


def worse(text: str) -> Plant:
    """Installs the sound `weed` with this behind it."""
    return code(SOUND + text)


def twice(folder: Path) -> None:
    """Installs two of it."""
    plant_weed(folder, SOUND)
    plant_weed(folder, SOUND)


def migrated_by(*revisions: tuple[str, str | None], upgrade: str = "...") -> Plant:
    """Installs `weed` with these migrations, each with the one before it."""

    def plant(folder: Path) -> None:
        migrations = hook('def migrations(): return MigrationHistory("PACKAGE.migrations")')
        versions = plant_weed(folder, SOUND + migrations).parent / "migrations" / "versions"
        versions.mkdir(parents=True)
        (versions.parent / "__init__.py").touch()
        for number, (revision, before) in enumerate(revisions):
            (versions / f"{number}.py").write_text(
                REVISION.format(revision=revision, before=before, upgrade=upgrade)
            )

    return plant


def hook(body: str) -> str:
    return f"@hookimpl\n{body}\n"


def lifespan(*lines: str) -> str:
    return LIFESPAN.format("\n    ".join(lines))


DIES = "async def die(): raise RuntimeError('frost')"

TWELVE = (
    Kind("import error", code("import no_such_library"), "No module named 'no_such_library'"),
    Kind("syntax error", code("def broken(:"), "SyntaxError"),
    Kind("sys.exit", code("import sys\nsys.exit(3)"), "SystemExit: 3"),
    Kind("hang", code("import time\ntime.sleep(3600)"), "its import has not come back"),
    Kind("hook raises", worse(hook("def routes(): raise RuntimeError('thorns')")), "`routes` raised RuntimeError"),
    Kind("duplicate name", twice, "is offered twice"),
    Kind("API mismatch", worse(hook("def manifest(): return manifest_with(core_api='>=7')")), "needs core API >=7"),
    Kind("route collision", worse("PATHS = ('/flowers', '/grow')"), "is defined twice"),
    Kind(
        "missing settings",
        worse(
            "class Settings(BaseSettings):\n"
            '    model_config = SettingsConfigDict(env_prefix="WEED_")\n'
            "    water: int\n" + hook("def manifest(): return manifest_with(settings=Settings)")
        ),
        "WEED_WATER: is not set",
    ),
    Kind(
        "migration conflict", migrated_by(("weed_1", None), ("weed_2", "weed_1"), ("weed_3", "weed_1")), "2 heads"
    ),
    Kind(
        "event-name clash",
        worse("Grown.event_type = 'rose.grown'"),
        "rose.grown: is published by weed, whose event it is not",
    ),
    Kind(
        "background crash",
        worse(lifespan(DIES, "task = asyncio.create_task(die())")),
        "RuntimeError: frost",
        late=True,
    ),
)

FOREIGN = """
@hookimpl
def routes():
    router = ContextRouter("rose")
    @router.get("/thorns")
    @public
    async def thorns() -> str: ...
    return [router]
"""
SETTINGS = """
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="WEED_")
    rows: list[int]
@hookimpl
def manifest():
    return manifest_with(settings=Settings)
"""
KEYS = """
@hookimpl
def authenticators():
    async def find(key, network):
        return None
    return [KeyAuthority(prefix="rose_", find=find)]
"""
GROUP = """
@hookimpl
@asynccontextmanager
async def lifespan(container):
    async with asyncio.TaskGroup() as group:
        group.create_task(die())
        yield
"""

MORE = (
    Kind("Ctrl-C at import", code("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    Kind(
        "unsayable error",
        code("class E(Exception):\n    def __str__(self): 1/0\nraise E"),
        "can't say what it means",
    ),
    Kind("busy loop at import", code("while True: pass"), "its import has not come back"),
    Kind("no module", code("", points_to="PACKAGE.plugin"), "No module named"),
    Kind("not a module", code("plugin = 7", points_to="PACKAGE:plugin"), "names a int"),
    Kind("no hooks", code("x = 1"), "has no manifest"),
    Kind("unknown hook", worse(hook("def watering(): ...")), "unknown hook 'watering'"),
    Kind("unknown argument", worse(hook("def routes(water): ...")), "'water'"),
    Kind("hook hangs", worse(hook("def container(core): time.sleep(3600)")), "`container` has not come back"),
    Kind("hook exits", worse(hook("def handlers(): sys.exit('enough')")), "`handlers` raised SystemExit: enough"),
    Kind(
        "wrong manifest", worse(hook("def manifest(): return {'name': 'weed'}")), "returned a dict, not a Manifest"
    ),
    Kind(
        "wrong types in it",
        worse(hook("def manifest(): return manifest_with(requires='rose')")),
        "names of contexts",
    ),
    Kind("wrong container", worse(hook("def container(core): return 7")), "returned a int, not a Container"),
    Kind("no container", worse(hook("def container(core): return None")), "returned a NoneType"),
    Kind(
        "wrong handlers",
        worse(hook("def handlers(): return Handlers(work=print, commands=(7,))")),
        "AttributeError",
    ),
    Kind(
        "wrong events", worse(hook("def subscriptions(): return Subscriptions(publishes=(7,))")), "AttributeError"
    ),
    Kind("one router, not many", worse(hook("def routes(): return ContextRouter('weed')")), "not a sequence"),
    Kind(
        "foreign router", worse(hook("def routes(): return [APIRouter()]")), "a APIRouter among its ContextRouter"
    ),
    Kind("foreign prefix", worse(FOREIGN), "lies outside /v1/weed"),
    Kind("foreign keys", worse(KEYS), "is the prefix of two contexts' keys"),
    Kind("reserved name", worse(hook("def manifest(): return manifest_with(name='public')")), "'public' is taken"),
    Kind("unreadable settings", worse(SETTINGS), "its settings cannot be read: SettingsError"),
    Kind(
        "missing scripts", worse(hook("def migrations(): return MigrationHistory('PACKAGE.gone')")), "are not there"
    ),
    Kind("revision twice", migrated_by(("weed_1", None), ("weed_1", None)), "present more than once"),
    Kind("revision after nothing", migrated_by(("weed_2", "weed_1")), "make no history"),
    Kind(
        "ledger's table",
        worse(hook("def migrations(): return MigrationHistory('PACKAGE', 'ledger_version')")),
        "ledger",
    ),
    Kind(
        "lifespan raises",
        worse(lifespan("raise RuntimeError('late frost')")),
        "RuntimeError: late frost",
        late=True,
    ),
    Kind("lifespan exits", worse(lifespan("sys.exit(5)")), "SystemExit: 5", late=True),
    Kind("lifespan hangs", worse(lifespan("await asyncio.sleep(3600)")), "has not come up", late=True),
    Kind(
        "task exits",
        worse(lifespan("async def end(): sys.exit(5)", "t = asyncio.create_task(end())")),
        "5",
        late=True,
    ),
    Kind("task group", worse(DIES + GROUP), "ExceptionGroup", late=True),
    Kind(
        "thread dies",
        worse("def die(): raise RuntimeError('drought')" + lifespan("threading.Thread(target=die).start()")),
        "RuntimeError: drought",
        late=True,
    ),
)
