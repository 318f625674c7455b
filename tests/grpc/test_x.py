import grpc, pytest
from hedgerow_users.interfaces.proto.users_pb2 import GetUserRequest, User
async def test_a(host, channel):
    get = channel.unary_unary("/users.UserService/GetUser", request_serializer=GetUserRequest.SerializeToString, response_deserializer=User.FromString)
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await get(GetUserRequest())
    print(e.value.code(), e.value.details(), e.value.trailing_metadata())
    ann = host.someone()
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await get(GetUserRequest(), metadata=[("authorization", "Bearer "+host.doorkeeper.token(ann.principal))])
    print(e.value.code(), e.value.details(), e.value.trailing_metadata())
async def test_b(host, channel):
    pass
