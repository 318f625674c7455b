"""Generates Python out of every context's .proto files, beside them or, as the test does, somewhere else."""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc

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
    arguments = [f"-I{folder}", f"-I{WELL_KNOWN}", f"--python_out={into}", f"--pyi_out={into}"]
    if protoc.main(["protoc", *arguments, str(proto.relative_to(folder))]):
        raise SystemExit(1)


if __name__ == "__main__":
    for folder, proto in sources():
        generate(folder, proto, folder)
        sys.stdout.write(f"{proto.relative_to(ROOT)}\n")
