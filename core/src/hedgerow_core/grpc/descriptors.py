"""What a .proto says of a method, for who looks at it without serving it: needs protobuf, but not gRPC."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions


def path_of(method: MethodDescriptor) -> str:
    """As callers name it: `/users.UserService/GetUser`."""
    return f"/{method.containing_service.full_name}/{method.name}"


def counts_as(method: MethodDescriptor) -> str:
    """As which method of HTTP it counts: as GET if it says that it changes nothing."""
    level: int = method.GetOptions().idempotency_level
    return "GET" if level == MethodOptions.NO_SIDE_EFFECTS else "POST"
