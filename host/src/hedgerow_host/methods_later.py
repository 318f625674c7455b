"""Lets dataclasses write what they may never need when it is first called. Only while a server starts (ADR 0050).

A frozen dataclass compiles six functions when it is declared, and a host declares four hundred of them. All but
`__init__` can wait: hardly any of them is compared, shown or written to by force.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

WRITER = "_create_fn"
"""Writes every method, in the standard library up to Python 3.12; a test looks that it does.

Later libraries lack it, and write all methods of a class together: there, everything is as ever."""
LATER = frozenset({"__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"})

_Method = Callable[..., Any]
_Write = Callable[[], _Method]


def write_methods_later() -> None:
    """Have dataclasses that are declared from now on write these methods when they are first called."""
    write = getattr(dataclasses, WRITER, None)
    if write is not None and not hasattr(write, "at_once"):
        setattr(dataclasses, WRITER, _patient(write))


def write_methods_at_once() -> None:
    """As ever again, for those that are declared from now on."""
    write = getattr(dataclasses, WRITER, None)
    if write is not None and hasattr(write, "at_once"):
        setattr(dataclasses, WRITER, write.at_once)


def _patient(write: _Method) -> _Method:
    def create(name: str, args: Sequence[str], body: Sequence[str], **more: Any) -> _Method:
        if name in LATER:
            return _unwritten(name, lambda: write(name, args, body, **more))
        written: _Method = write(name, args, body, **more)
        return written

    create.at_once = write  # type: ignore[attr-defined]
    return create


def _unwritten(name: str, write: _Write) -> _Method:
    """A method that is written by its first call, and then takes its own place in the class."""
    written: _Method | None = None

    def method(self: object, *given: object) -> Any:
        nonlocal written
        if written is None:
            written = write()
            written.__qualname__ = method.__qualname__
            for kind in type(self).__mro__:
                if kind.__dict__.get(name) is method:
                    setattr(kind, name, written)
        return written(self, *given)

    method.__name__ = name
    return method
