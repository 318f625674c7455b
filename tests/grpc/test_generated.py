"""What is generated from the .proto files is what lies beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.generate_proto import generate, sources

VERSION = re.compile(r"^# Protobuf Python Version: .*$|^    \d+,$", re.M)
"""Of the generator: another one may write the same."""
SOURCES = sources()


def outdated(folder: Path, proto: Path, into: Path) -> list[str]:
    """The generated files of a .proto that are not what it says by now."""
    generate(folder, proto, into)
    made = sorted(path.relative_to(into) for path in into.rglob("*_pb2.py*"))
    assert len(made) == 2
    return [name.name for name in made if _told(folder / name) != _told(into / name)]


def _told(path: Path) -> str:
    return VERSION.sub("", path.read_text()) if path.exists() else ""


@pytest.mark.parametrize(("folder", "proto"), SOURCES, ids=[proto.name for _folder, proto in SOURCES])
def test_what_is_generated_is_what_the_proto_says(folder: Path, proto: Path, tmp_path: Path) -> None:
    assert outdated(folder, proto, tmp_path) == [], "run make proto, and commit what it writes"


def test_a_proto_that_was_changed_is_noticed(tmp_path: Path) -> None:
    folder, proto = SOURCES[0]
    changed = tmp_path / "src" / proto.relative_to(folder)
    changed.parent.mkdir(parents=True)
    changed.write_text(f"{proto.read_text()}\nmessage More {{}}\n")
    into = tmp_path / "generated"
    into.mkdir()

    assert outdated(tmp_path / "src", changed, into) == ["billing_pb2.py", "billing_pb2.pyi"]
