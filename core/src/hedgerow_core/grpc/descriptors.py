"""What a .proto says of a method, for who looks at it without serving it: needs protobuf, but not gRPC."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions


def path_of(method: MethodDescriptor) -> str:
    """As callers name it: `/users.UserService/GetUser`."""
    return f"/{method.containing_service.full_name}/{method.name}"


def only_reads(method: MethodDescriptor) -> bool:
    """Whether it changes nothing."""
    level: int = method.GetOptions().idempotency_level
    return level == MethodOptions.NO_SIDE_EFFECTS
