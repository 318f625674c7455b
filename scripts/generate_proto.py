"""Generates Python out of every context's .proto files, beside them or, as the test does, somewhere else."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from scripts.proto_wire import added, lines_of, wire_file

ROOT = Path(__file__).parents[1]
WELL_KNOWN = Path(protoc.__file__).parent / "_proto"
"""The types of `google/protobuf`."""


def sources() -> list[tuple[Path, Path]]:
    """Every .proto of the repository, and the folder that its imports begin at."""
    return [(folder, path) for folder in sorted(ROOT.glob("contexts/*/src")) for path in folder.rglob("*.proto")]


def generate(folder: Path, proto: Path, into: Path) -> None:
    """Write the module of one .proto and its types below `into`.

    Raises:
        SystemExit: protoc refuses the file; it has said why.
    """
    _run(folder, proto, f"--python_out={into}", f"--pyi_out={into}")


def declared_in(folder: Path, proto: Path) -> FileDescriptorProto:
    """What one .proto declares.

    Raises:
        SystemExit: protoc refuses the file; it has said why.
    """
    with tempfile.NamedTemporaryFile() as written:
        _run(folder, proto, f"--descriptor_set_out={written.name}")
        return FileDescriptorSet.FromString(Path(written.name).read_bytes()).file[0]


def _run(folder: Path, proto: Path, *options: str) -> None:
    command = ["protoc", f"-I{folder}", f"-I{WELL_KNOWN}", *options, str(proto.relative_to(folder))]
    if protoc.main(command):
        raise SystemExit(1)


if __name__ == "__main__":
    for folder, proto in sources():
        generate(folder, proto, folder)
        wire = wire_file(proto)
        before = wire.read_text().splitlines() if wire.exists() else []
        wire.write_text("\n".join(added(before, lines_of(declared_in(folder, proto)))) + "\n")
        sys.stdout.write(f"{proto.relative_to(ROOT)}\n")
