"""What readers rely on in a .proto, a line for each thing, kept beside it for ever, so that what breaks them shows.

`make proto` adds lines and takes none away. A field may go if its number and its name are reserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)


def wire_file(proto: Path) -> Path:
    """Where its lines are kept."""
    return proto.with_suffix(".wire.txt")


def lines_of(file: FileDescriptorProto) -> list[str]:
    """Every field, number of an enumeration and method, as callers know it."""
    return [
        *(line for message in file.message_type for line in _of_message(message, file.package)),
        *(line for kind in file.enum_type for line in _of_enum(kind, file.package)),
        *(line for service in file.service for line in _of_service(service, file.package)),
    ]


def added(before: Sequence[str], now: Iterable[str]) -> list[str]:
    """What was there, and what is new."""
    return [*before, *(line for line in now if line not in before)]


def breaks(before: Iterable[str], file: FileDescriptorProto) -> list[str]:
    """The lines that are gone without a reservation."""
    now = {*lines_of(file)}
    return [line for line in before if line not in now and not _is_reserved(line, file)]


def _is_reserved(line: str, file: FileDescriptorProto) -> bool:
    """Whether neither the name nor the number of a field can come back with another meaning."""
    place, _, meaning = line.partition(" = ")
    if not meaning:
        return False  # methods have no number
    owner, _, name = place.rpartition(".")
    number = int(meaning.partition(" ")[0])
    return any(
        owner == f"{file.package}.{message.name}"
        and name in message.reserved_name
        and any(reserved.start <= number < reserved.end for reserved in message.reserved_range)
        for message in file.message_type
    )


def _of_message(message: DescriptorProto, inside: str) -> Iterator[str]:
    name = f"{inside}.{message.name}"
    for field in message.field:
        many = "repeated " if field.label == FieldDescriptorProto.LABEL_REPEATED else ""
        kind = field.type_name.removeprefix(".") or FieldDescriptorProto.Type.Name(field.type)
        yield f"{name}.{field.name} = {field.number} {many}{kind}"
    for nested in message.nested_type:
        yield from _of_message(nested, name)
    for kind_of in message.enum_type:
        yield from _of_enum(kind_of, name)


def _of_enum(kind: EnumDescriptorProto, inside: str) -> Iterator[str]:
    yield from (f"{inside}.{value.name} = {value.number} {kind.name}" for value in kind.value)


def _of_service(service: ServiceDescriptorProto, inside: str) -> Iterator[str]:
    for method in service.method:
        takes, gives = method.input_type.removeprefix("."), method.output_type.removeprefix(".")
        yield f"{inside}.{service.name}/{method.name} ({takes}) returns ({gives})"
