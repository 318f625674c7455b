"""The certificate that gRPC is served with. Another one is taken at the next start."""

from __future__ import annotations

import ssl

import grpc

from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.settings import HostSettings


def credentials_of(settings: HostSettings) -> grpc.ServerCredentials | None:
    """The certificate to serve with; None if there shall be none.

    Raises:
        HostError: the files can't be read, or don't belong together.
    """
    if settings.grpc_tls_cert is None or settings.grpc_tls_key is None:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.grpc_tls_cert, settings.grpc_tls_key)
        pair = (settings.grpc_tls_key.read_bytes(), settings.grpc_tls_cert.read_bytes())
    except OSError as error:  # SSLError is one, too
        raise HostError(
            f"HEDGEROW_GRPC_TLS_CERT and HEDGEROW_GRPC_TLS_KEY are of no use: {error}",
            fix="name two readable PEM files, a certificate with its chain and the private key that belongs to it",
            code=ExitCode.MISCONFIGURED,
        ) from error
    return grpc.ssl_server_credentials([pair])
