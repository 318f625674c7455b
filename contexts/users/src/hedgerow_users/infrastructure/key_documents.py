"""Fetches the key set of an identity provider, from the address that is configured or that its issuer names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import final
from urllib.parse import urlsplit

from hedgerow_core.outbound import OutboundHttp, ServerAway
from hedgerow_core.wire.key_documents import (
    ANSWER_WITHIN_S,
    MAX_BYTES,
    KeyDocument,
    KeysNotReadError,
    demand_plain,
    key_document_in,
    object_in,
)
from hedgerow_users.domain.identity_provider import IdentityProvider

_DISCOVERY = "/.well-known/openid-configuration"


@final
class KeyDocuments:
    """Fetches the key set of one provider: at the configured address, else where its discovery document says."""

    def __init__(self, provider: IdentityProvider) -> None:
        self._provider = provider
        self._address = provider.jwks_url
        self._http = OutboundHttp(provider.name, most_bytes=MAX_BYTES)

    async def fetch(self) -> KeyDocument:
        """Ask the provider. It is asked rarely, so a connection that breaks is not left at that.

        Raises:
            KeysNotReadError: whatever went wrong.
        """
        ends = time.monotonic() + ANSWER_WITHIN_S
        try:
            if self._address is None:
                self._address = await self._discovered(ends)
            body, headers = await self._read(self._address, ends)
            return key_document_in(body, headers, self._provider.algorithms)
        except (ServerAway, ValueError, KeysNotReadError) as error:
            self._address = self._provider.jwks_url  # it may have moved: ask anew where it is
            raise KeysNotReadError(error.why if isinstance(error, ServerAway) else str(error)) from error
        finally:
            await self._http.close()  # by the next time, the other side has closed it

    async def _read(self, address: str, ends: float) -> tuple[bytes, Mapping[str, str]]:
        left = timedelta(seconds=ends - time.monotonic())
        answer = await self._http.send("GET", address, headers={"Accept": "application/json"}, within=left)
        demand_plain(answer.status, answer.headers)
        return answer.content, answer.headers

    async def _discovered(self, ends: float) -> str:
        """The address of the keys, from the issuer's own document (OpenID Connect Discovery §4)."""
        body, _headers = await self._read(self._provider.issuer.rstrip("/") + _DISCOVERY, ends)
        document = object_in(body)
        if document.get("issuer") != self._provider.issuer:
            raise KeysNotReadError("the discovery document is of another issuer")
        address = document.get("jwks_uri")
        if not isinstance(address, str) or not self._may_be_asked(address):
            raise KeysNotReadError("the discovery document names no https address for keys")
        return address

    def _may_be_asked(self, address: str) -> bool:
        """https; or the very machine of an issuer that has no https, as in development."""
        try:
            url, issuer = urlsplit(address), urlsplit(self._provider.issuer)
            known = bool(url.hostname) and not url.username and not url.password
        except ValueError:
            return False
        return known and (url.scheme == "https" or (url.scheme, url.netloc) == ("http", issuer.netloc))
