"""What is generated from the .proto files is what lies beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.generate_proto import declared_in, generate, sources
from scripts.proto_wire import added, breaks, lines_of, wire_file

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


# What readers rely on


@pytest.mark.parametrize(("folder", "proto"), SOURCES, ids=[proto.name for _folder, proto in SOURCES])
def test_nothing_that_readers_rely_on_is_gone(folder: Path, proto: Path) -> None:
    before, file = wire_file(proto).read_text().splitlines(), declared_in(folder, proto)

    assert breaks(before, file) == [], "readers break: leave it, reserve it, or make a new package"
    assert added(before, lines_of(file)) == before, "run make proto, and commit what it writes"


TREE = """
syntax = "proto3";
package garden;
message Tree { string name = 1; int32 rings = 2; Kind kind = 3; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_ELM = 1; }
service Garden { rpc GetTree(Tree) returns (Tree); }
"""


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("int32 rings = 2; ", "", ["garden.Tree.rings = 2 TYPE_INT32"]),
        ("int32 rings = 2; ", "reserved 2; ", ["garden.Tree.rings = 2 TYPE_INT32"]),
        ("int32 rings = 2; ", 'reserved 4; reserved "rings"; ', ["garden.Tree.rings = 2 TYPE_INT32"]),
        ("int32 rings = 2; ", 'reserved 2; reserved "rings"; ', []),
        ("int32 rings = 2", "int64 rings = 2", ["garden.Tree.rings = 2 TYPE_INT32"]),
        ("int32 rings = 2", "repeated int32 rings = 2", ["garden.Tree.rings = 2 TYPE_INT32"]),
        ("int32 rings = 2", "int32 rings = 4", ["garden.Tree.rings = 2 TYPE_INT32"]),
        ("int32 rings = 2", "int32 rings = 2; int32 height = 4", []),
        ("KIND_ELM = 1", "KIND_OAK = 1", ["garden.KIND_ELM = 1 Kind"]),
        ("rpc GetTree(Tree)", "rpc FindTree(Tree)", ["garden.Garden/GetTree (garden.Tree) returns (garden.Tree)"]),
    ],
)
def test_a_change_that_breaks_readers_is_found(tmp_path: Path, old: str, new: str, broken: list[str]) -> None:
    proto = tmp_path / "garden.proto"
    proto.write_text(TREE)
    before = lines_of(declared_in(tmp_path, proto))
    proto.write_text(TREE.replace(old, new))

    assert breaks(before, declared_in(tmp_path, proto)) == broken
