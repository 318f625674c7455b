"""What browsers find: all hosts behind one name, as behind a proxy that looks at the first part of a path."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from tests.extraction.hosts import Host

TIMEOUT_S = 10


def front(*hosts: Host) -> httpx.Client:
    """A client that finds all of them behind one name. What belongs to no context is asked of the last."""
    at = {f"/v1/{context}": httpx.URL(host.url) for host in hosts for context in host.contexts}
    last = httpx.URL(hosts[-1].url)
    at["/.well-known"] = at.get("/v1/users", last)
    return httpx.Client(transport=_Front(at, last), base_url="http://front", timeout=TIMEOUT_S)


class _Front(httpx.HTTPTransport):
    """Hands a request on to whoever owns its path."""

    def __init__(self, at: Mapping[str, httpx.URL], otherwise: httpx.URL) -> None:
        super().__init__()
        self._at, self._otherwise = at, otherwise

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        owners = (url for path, url in self._at.items() if request.url.path.startswith(path))
        host = next(owners, self._otherwise)
        request.url = request.url.copy_with(scheme=host.scheme, host=host.host, port=host.port)
        return super().handle_request(request)
