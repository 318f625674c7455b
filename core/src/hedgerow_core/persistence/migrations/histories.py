"""The migrations that packages bring: one Alembic history and one version table each, read by Alembic itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sqlalchemy import Connection

from hedgerow_core.persistence.migrations.outline import plain_head
from hedgerow_core.persistence.migrations.waiting import DEFAULT_PATIENCE, LOCK_TIMEOUT_MS

if TYPE_CHECKING:  # imported where scripts are read or run: a server whose database is up to date does neither
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

ENVIRONMENT = Path(__file__).parents[1] / "alembic_environment"
OWN = "alembic_version"
"""The version table of a context's own history."""


@dataclass(frozen=True, slots=True)
class MigrationHistory:
    """The migrations that a package brings: Alembic scripts in `<package>/versions/`."""

    package: str
    version_table: str = OWN

    @property
    def name(self) -> str:
        """`own`, or what the version table is named after: `ledger`."""
        return "own" if self.version_table == OWN else self.version_table.removesuffix("_version")

    @property
    def folder(self) -> Path:
        """Where the scripts lie.

        Raises:
            ModuleNotFoundError: the package is not importable, so its scripts were not shipped.
        """
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"{self.package} holds migrations but is not a package")
        return Path(next(iter(spec.submodule_search_locations))) / "versions"

    @property
    def revisions(self) -> list[Script]:
        """Every revision, the oldest first."""
        return list(reversed(list(self.read().walk_revisions())))

    @property
    def heads(self) -> list[str]:
        """The newest revision; several if somebody has branched, none if there is no revision yet."""
        return list(self.read().get_heads())

    @property
    def plain_head(self) -> str | None:
        """The newest revision, if no script has to be run to know it."""
        return plain_head(self.folder)

    def read(self) -> ScriptDirectory:
        """The scripts, as Alembic reads them."""
        from alembic.script import ScriptDirectory

        return ScriptDirectory.from_config(self._config())

    def config(
        self,
        schema: str,
        *,
        connection: Connection | None = None,
        output: TextIO | None = None,
        patience: timedelta = DEFAULT_PATIENCE,
    ) -> Config:
        """What Alembic's commands take: to run on the connection, or to be written down in the output."""
        config = self._config()
        config.attributes.update(
            connection=connection,
            output=output,
            schema=schema,
            version_table=self.version_table,
            lock_timeout=f"{LOCK_TIMEOUT_MS}ms",
            longest_wait=f"{round(patience.total_seconds() * 1000)}ms",
        )
        return config

    def _config(self) -> Config:
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", _escaped(ENVIRONMENT))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", _escaped(self.folder))
        return config

    def after(self, current: Sequence[str], scripts: ScriptDirectory | None = None) -> list[Script]:
        """The revisions that come after these, the oldest first. `scripts` is what was read of it before.

        None, too, if one of these is unknown: then the database is ahead of this build, and an older host may
        run on beside a newer one.
        """
        scripts = scripts or self.read()
        if not all(_knows(scripts, revision) for revision in current):
            return []
        return list(reversed(list(scripts.iterate_revisions("heads", tuple(current) or "base"))))


@dataclass(frozen=True, slots=True)
class ContextMigrations:
    """All histories of one context, oldest foundation first. The context's name is its schema's name."""

    context: str
    histories: Sequence[MigrationHistory]


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    from alembic.util import CommandError

    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
