"""Lets dataclasses write their methods when somebody first looks at one. Only while a server starts (ADR 0050).

A frozen dataclass compiles six functions when it is declared, and a host declares four hundred of them. Most are
never compared, shown or written to by force, and many not even made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, final

WRITER = "_create_fn"
"""Writes every method, in the standard library up to Python 3.12; a test looks that it does.

Later libraries lack it, and write all methods of a class together: there, everything is as ever."""
_Method = Callable[..., Any]


def write_methods_later() -> None:
    """Have dataclasses that are declared from now on write each method when it is first looked at."""
    write = getattr(dataclasses, WRITER, None)
    if write is not None and not hasattr(write, "at_once"):
        setattr(dataclasses, WRITER, _patient(write))


def write_methods_at_once() -> None:
    """As ever again, for those that are declared from now on."""
    write = getattr(dataclasses, WRITER, None)
    if write is not None and hasattr(write, "at_once"):
        setattr(dataclasses, WRITER, write.at_once)


def _patient(write: _Method) -> _Method:
    def create(name: str, args: Sequence[str], body: Sequence[str], **more: Any) -> Unwritten:
        return Unwritten(name, lambda: write(name, args, body, **more))

    create.at_once = write  # type: ignore[attr-defined]
    return create


@final
class Unwritten:
    """Holds the place of a method in a class until somebody looks at it, which puts the method there."""

    __slots__ = ("__name__", "_write", "_written")

    def __init__(self, name: str, write: Callable[[], _Method]) -> None:
        self.__name__ = name
        self._write = write
        self._written: _Method | None = None

    def __get__(self, instance: object, owner: type) -> Any:
        """The method itself, which is the library's own."""
        method = self._method()
        for kind in owner.__mro__:
            if vars(kind).get(self.__name__) is self:
                method.__qualname__ = f"{kind.__qualname__}.{self.__name__}"
                setattr(kind, self.__name__, method)
        return method.__get__(instance, owner)

    def __call__(self, *given: object) -> Any:
        """Called where the library has wrapped it: around `__repr__` is what ends circles."""
        return self._method()(*given)

    def _method(self) -> _Method:
        if self._written is None:
            self._written = self._write()
        return self._written
