"""The gRPC services of this context. Each hands a message on and shapes the answer; no rule is decided here."""

from __future__ import annotations

from hedgerow_core.application import Bus
from hedgerow_core.grpc import Call, GrpcService, uuid_in
from hedgerow_core.http import authenticated
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.domain.account_errors import AccountNotFound
from hedgerow_users.interfaces.proto.users_pb2 import DESCRIPTOR, GetUserRequest, User


def user_service(bus: Bus) -> GrpcService:
    """`users.UserService`."""

    @authenticated
    async def get_user(request: GetUserRequest, call: Call) -> User:
        """Your own account."""
        if request.id and uuid_in(request.id, field="id") != call.caller.subject:
            raise AccountNotFound
        return user_of(await bus.ask(GetAccount(account_id=call.caller.subject)))

    return GrpcService(descriptor=DESCRIPTOR.services_by_name["UserService"], endpoints={"GetUser": get_user})


def user_of(account: AccountView) -> User:
    """The message that shows this account."""
    return User(
        id=str(account.id),
        email=account.email,
        name=account.name,
        roles=account.roles,
        created_at=account.created_at,
        updated_at=account.updated_at,
        verified_at=account.verified_at,
        version=account.version,
    )
