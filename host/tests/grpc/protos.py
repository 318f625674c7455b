"""Services as a .proto would declare them, each in a pool of its own, so that a test can have what it likes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass


def service(
    *methods: str, name: str = "garden.GardenService", reads: Collection[str] = (), streams: Collection[str] = ()
) -> ServiceDescriptor:
    """A service whose methods take a `Word` and answer with one."""
    package, _, own_name = name.rpartition(".")
    file = FileDescriptorProto(name="garden.proto", package=package, syntax="proto3")
    text, optional = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.LABEL_OPTIONAL
    file.message_type.add(name="Word").field.add(name="text", number=1, type=text, label=optional)
    declared = file.service.add(name=own_name)
    for method in methods:
        options = MethodOptions(idempotency_level=MethodOptions.NO_SIDE_EFFECTS) if method in reads else None
        word = f".{package}.Word"
        declared.method.add(
            name=method, input_type=word, output_type=word, options=options, server_streaming=method in streams
        )
    pool = DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return pool.FindServiceByName(name)


def word_of(descriptor: ServiceDescriptor) -> Any:
    """The class of its messages."""
    return GetMessageClass(descriptor.methods[0].input_type)
