"""Enters a package without running it: SQLAlchemy's that imports the ORM, uvicorn's its command line (ADR 0050).

Many packages gather all that they have in their `__init__`. Whoever wants one of their modules pays for all.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from importlib import import_module
from importlib.util import find_spec, module_from_spec


def run_later(package: str, at_hand: Collection[str]) -> None:
    """Have a package run when it is asked for more than its modules, and than what is `at_hand` in some of these.

    That is written as `module:name`, or as `module` where a module is wanted as a whole. Once run, the package is
    what it would have been from the beginning. One that has run before stays as it is.
    """
    spec = find_spec(package)
    if package in sys.modules or spec is None or spec.loader is None:
        return
    loader, module = spec.loader, module_from_spec(spec)
    places = {each.rpartition(":")[2]: each for each in at_hand}

    def asked_for(name: str) -> object:
        if name in places:
            place, colon, _name = places[name].partition(":")
            found = import_module(f"{package}.{place}")
            return getattr(found, name) if colon else found
        if vars(module).pop("__getattr__", None) is not None:
            loader.exec_module(module)
        return getattr(module, name)

    module.__getattr__ = asked_for  # type: ignore[method-assign]
    sys.modules[package] = module
    parent, _dot, own_name = package.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own_name, module)
