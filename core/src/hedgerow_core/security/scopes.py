"""Scopes: what an API key was made for. A scope is the name of a permission, or `context:read`, `context:write`."""

from __future__ import annotations

from collections.abc import Iterable

READ, WRITE = "read", "write"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110 §9.2.1: they change nothing."""


def scope_of_route(context: str, methods: Iterable[str]) -> str:
    """What a key needs for a route that asks for no permission. One method that changes something is enough."""
    return f"{context}:{READ if set(methods) <= SAFE_METHODS else WRITE}"


def scopes_of_contexts(contexts: Iterable[str]) -> frozenset[str]:
    """The two scopes that every context has."""
    return frozenset(f"{context}:{verb}" for context in contexts for verb in (READ, WRITE))
