"""What the files of a folder offer: for contexts whose folders are the lists of their use cases (ADR 0028).

Nothing registers itself. Who wants the list asks for it, at start, and every file of the folder is asked in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

OFFER = "offer"


class NothingOfferedError(Exception):
    """A file that lies where each offers something, and doesn't."""


def offers(package: ModuleType, *given: object) -> tuple[Any, ...]:
    """What each module of the package answers to `offer(*given)`, in the order of their names.

    Raises:
        NothingOfferedError: a module has no function `offer`; names it.
    """
    names = sorted(module.name for module in iter_modules(package.__path__))
    return tuple(_offer_of(import_module(f"{package.__name__}.{name}"))(*given) for name in names)


def _offer_of(module: ModuleType) -> Callable[..., Any]:
    offer = getattr(module, OFFER, None)
    if not callable(offer):
        raise NothingOfferedError(
            f"{module.__name__} offers nothing. Give it a function `offer`, as its neighbours have, or move it "
            "out of this folder."
        )
    found: Callable[..., Any] = offer
    return found
