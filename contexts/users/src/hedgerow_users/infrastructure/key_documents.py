"""Fetches the key set of an identity provider, from the address that is configured or that its issuer names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, final
from urllib.parse import urlsplit

from hedgerow_core.wire.key_documents import (
    ANSWER_WITHIN_S,
    KeyDocument,
    KeysNotReadError,
    bounded_get,
    key_client,
    key_document_at,
    object_in,
)
from hedgerow_users.domain.identity_provider import IdentityProvider

if TYPE_CHECKING:
    import httpx

_DISCOVERY = "/.well-known/openid-configuration"


@final
class KeyDocuments:
    """Fetches the key set of one provider: at the configured address, else where its discovery document says."""

    def __init__(self, provider: IdentityProvider) -> None:
        self._provider = provider
        self._address = provider.jwks_url

    async def fetch(self) -> KeyDocument:
        """Ask the provider.

        Raises:
            KeysNotReadError: whatever went wrong.
        """
        import httpx  # who has no provider does without

        try:
            async with asyncio.timeout(ANSWER_WITHIN_S), key_client() as client:
                if self._address is None:
                    self._address = await self._discovered(client)
                return await key_document_at(client, self._address, self._provider.algorithms)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, KeysNotReadError) as error:
            self._address = self._provider.jwks_url  # it may have moved: ask anew where it is
            why = str(error) if isinstance(error, KeysNotReadError) else type(error).__name__
            raise KeysNotReadError(why) from error

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        """The address of the keys, from the issuer's own document (OpenID Connect Discovery §4)."""
        body, _headers = await bounded_get(client, self._provider.issuer.rstrip("/") + _DISCOVERY)
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
