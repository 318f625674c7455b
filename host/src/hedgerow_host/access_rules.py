"""What every endpoint must say before anybody may call it, whether over HTTP or over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hedgerow_core.application.bus import place_of
from hedgerow_core.http import access_of
from hedgerow_host.assembly import Assembly
from hedgerow_host.problems import Problem


def unguarded(endpoint: Callable[..., object], subject: str, context: str, assembly: Assembly) -> Iterator[Problem]:
    """What is wrong with the access decision of an endpoint, known to callers as `subject`."""
    source = (place_of(endpoint),)
    access = access_of(endpoint)
    if access is None:
        yield Problem(
            subject=subject,
            what="does not say who may call it",
            sources=source,
            fix="mark its endpoint @public, @authenticated, @logged_in or @permitted(...)",
        )
        return
    for permission in (access.permission, access.all_rows):
        if permission is not None and permission not in assembly.permissions:
            yield Problem(
                subject=subject,
                what=f"demands the permission {permission}, which no context declares",
                sources=source,
                fix=f"declare it in the manifest of {context}, or correct its name",
            )
