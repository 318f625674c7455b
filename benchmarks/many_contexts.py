"""Contexts by the dozen, for benchmarks: each has routes, a command, an event, a table, and hears another one."""

from __future__ import annotations

from pathlib import Path

_PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from dependency_injector import containers, providers
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from hedgerow_core.application import Command, CommandHandler
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.messaging import EventContract, LedgerWork, Subscription
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import Handlers, Manifest, Subscriptions, hookimpl
from hedgerow_core.security import Permission

NAME = "{name}"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="{upper}_")
    least: int = 1


class GrownV1(EventContract):
    """It has grown."""

    event_type: ClassVar[str] = "{name}.grown"
    plant_id: UUID
    height: int


class Heard(BaseModel):
    plant_id: UUID


class PlantBody(BaseModel):
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grow(Command[int]):
    height: int


async def grow(command, work):
    return command.height


async def note(event, envelope, work): ...


class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()
    settings = providers.Dependency()


@hookimpl
def manifest():
    return Manifest(
        name=NAME,
        version="1.0",
        core_api=">=0.1,<0.2",
        settings=Settings,
        permissions=(Permission("{name}:plant:grow", "user", "grow plants"),),
    )


@hookimpl
def migrations():
    return MigrationHistory("{package}.migrations")


@hookimpl
def container(core, settings):
    return Container(core=core, settings=settings)


@hookimpl
def handlers(container):
    def work(connection):
        return LedgerWork(connection, context=NAME, clock=container.core.clock(), translations={{}})

    return Handlers(work=work, commands=(CommandHandler(Grow, grow),))


@hookimpl
def subscriptions():
    heard = Subscription(name="{name}.note_grown", event="{before}.grown", model=Heard, handle=note)
    return Subscriptions(publishes=(GrownV1,), subscribes=(heard,) if "{before}" else ())


@hookimpl
def routes(bus):
    router = ContextRouter(NAME)

    @router.get("/plants")
    @public
    async def plants() -> list[str]:
        return []

    @router.post("/plants")
    @public
    async def plant(body: PlantBody) -> int:
        return await bus.execute(Grow(height=body.height))

    return [router]
'''
_REVISION = '''"""plants"""

from alembic import op

revision, down_revision, branch_labels, depends_on = "{name}_0001", None, None, None


def upgrade() -> None:
    op.execute("CREATE TABLE plants (id uuid PRIMARY KEY, height int NOT NULL)")
'''


def install_many(site: Path, count: int) -> list[str]:
    """Install so many below `site`, for processes that have it on their path. Their names."""
    names = [f"field{number:02}" for number in range(count)]
    for name, before in zip(names, ["", *names], strict=False):
        _install(site, name, before)
    return names


def _install(site: Path, name: str, before: str) -> None:
    package = f"many_{name}"
    versions = site / package / "migrations" / "versions"
    versions.mkdir(parents=True)
    for folder in (site / package, versions.parent):
        (folder / "__init__.py").touch()
    words = {"name": name, "upper": name.upper(), "package": package, "before": before}
    (site / package / "plugin.py").write_text(_PLUGIN.format(**words))
    (versions / "0001_plants.py").write_text(_REVISION.format(**words))
    metadata = site / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[hedgerow.contexts]\n{name} = {package}.plugin\n")
