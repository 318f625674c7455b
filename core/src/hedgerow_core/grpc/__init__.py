"""The gRPC edge (ADR 0044): what contexts declare. The rest of this room needs the extra `grpc`, and is for hosts.

Read in this order: services (what is declared), fields → descriptors → methods (how a call is answered) → requests
(how a call looks to the stages that HTTP requests pass, too) → statuses (what a broken rule becomes).
"""

from hedgerow_core.grpc.fields import uuid_in
from hedgerow_core.grpc.services import Call, GrpcService

__all__ = ["Call", "GrpcService", "uuid_in"]
