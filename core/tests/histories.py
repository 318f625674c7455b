"""Histories written inside a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from uuid import uuid4

import pytest

from hedgerow_core.persistence import MigrationHistory

WriteHistory = Callable[..., MigrationHistory]

_REVISION = '''\
"""step {number}"""

from alembic import op

from hedgerow_core.persistence import build_index, drop_index

revision = "try_{number:04}"
down_revision = {before}
meant = {meant}


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''


@pytest.fixture
def write_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteHistory:
    """`write_history((up, down), …)`: a package with these steps, each SQL or Python."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(*steps: tuple[str, str], meant: dict[str, str] | None = None) -> MigrationHistory:
        package = f"try_history_{uuid4().hex[:8]}"
        versions = tmp_path / package / "versions"
        versions.mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        for number, (up, down) in enumerate(steps, start=1):
            before = f'"try_{number - 1:04}"' if number > 1 else None
            written = _REVISION.format(
                number=number, before=before, meant=meant or {}, up=_body(up), down=_body(down)
            )
            (versions / f"{number:04}_step.py").write_text(written)
        return MigrationHistory(package)

    return write


def _body(step: str) -> str:
    is_python = any(word in step for word in ("op.", "_index(", "raise ", "pass"))
    return indent(dedent(step) if is_python else f"op.execute({step!r})", "    ")
