"""Which revision is the newest, read off scripts that nobody runs: right, or left to Alembic."""

from __future__ import annotations

from pathlib import Path

import pytest

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence.migrations.outline import plain_head


def written(folder: Path, *headings: str) -> Path:
    for number, heading in enumerate(headings):
        (folder / f"{number:04}_step.py").write_text(f'"""Step."""\n\nfrom alembic import op\n\n{heading}\n')
    return folder


FIRST = 'revision = "a"\ndown_revision = None'
SECOND = "revision: str = 'b'\ndown_revision: str | None = 'a'"


def test_the_head_of_one_line_is_read_off(tmp_path: Path) -> None:
    assert plain_head(written(tmp_path, SECOND, FIRST)) == "b"


def test_what_is_no_script_is_passed_over(tmp_path: Path) -> None:
    folder = written(tmp_path, FIRST, f"{SECOND}\ndepends_on = None\n# Größe")
    (folder / ".#0002_step.py").symlink_to(folder / "nowhere")
    (folder / "__init__.py").touch()

    assert plain_head(folder) == "b"


@pytest.mark.parametrize(
    "headings",
    [
        (),
        (FIRST, SECOND, 'revision = "c"\ndown_revision = "a"'),
        (FIRST, 'revision = "b"\ndown_revision = None'),
        (FIRST, 'revision = "b"\ndown_revision = "elsewhere"'),
        ('revision = "a"\ndown_revision = "b"', 'revision = "b"\ndown_revision = "a"'),
        (FIRST, FIRST),
        (FIRST, 'revision = "a"\ndown_revision = "a"'),
        (FIRST, 'revision = "b"\ndown_revision = ("a",)'),
        (FIRST, 'revision = "b".lower()\ndown_revision = "a"'),
        (FIRST, 'revision = "b"\nrevision = "c"\ndown_revision = "a"'),
        (FIRST, 'revision = "b"'),
        (FIRST, f'{SECOND}\ndepends_on = "elsewhere"'),
        (FIRST, 'revision = "b-c"\ndown_revision = "a"'),
    ],
    ids=[
        *("none", "branched", "two beginnings", "a gap", "a circle", "one twice", "after itself"),
        *("several before", "an id that is computed", "two ids", "a heading that lacks"),
        *("one that depends on others", "an id that Alembic refuses"),
    ],
)
def test_whatever_is_no_plain_line_is_left_to_alembic(tmp_path: Path, headings: tuple[str, ...]) -> None:
    assert plain_head(written(tmp_path, *headings)) is None


def test_a_script_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError):
        plain_head(written(tmp_path, FIRST, f"{SECOND}\ndef upgrade(:"))


def test_alembic_says_the_same_of_ours() -> None:
    assert [LEDGER.plain_head] == LEDGER.heads
