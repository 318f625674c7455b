"""The door for context authors: the hooks a context may implement and the declarations they return.

Only a context's `plugin.py` imports this package, so that its domain stays free of everything behind it.
"""

from hedgerow_core.plugin.container import CoreContainer
from hedgerow_core.plugin.declarations import (
    CommandRunner,
    Handlers,
    Impersonation,
    Manifest,
    Subscriptions,
    UnusableSetting,
)
from hedgerow_core.plugin.hookspecs import CORE_API, PROJECT, HookSpecs, hookimpl, hookspec

__all__ = [
    "CORE_API",
    "PROJECT",
    "CommandRunner",
    "CoreContainer",
    "Handlers",
    "HookSpecs",
    "Impersonation",
    "Manifest",
    "Subscriptions",
    "UnusableSetting",
    "hookimpl",
    "hookspec",
]
