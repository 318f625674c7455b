"""Value objects: defined by what they hold, never changed, compared by value."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ValueObject:
    """Base of value objects: derive a frozen, slotted dataclass and check its values in `__post_init__`."""

    def __new__(cls, *_args: object, **_kwargs: object) -> ValueObject:
        if cls.__qualname__ == "ValueObject":
            raise TypeError("ValueObject is a building block: derive a named class from it")
        return object.__new__(cls)


@dataclass(frozen=True, slots=True)
class Secret(ValueObject):
    """A string that must not reach a log, a trace or an error. Ask for it by name: `reveal()`."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself. Call it as late as possible and keep the result local."""
        return self._value

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__
