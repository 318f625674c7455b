"""Entities: things that stay themselves while their attributes change."""

from __future__ import annotations

from typing import Generic, TypeVar
from uuid import UUID

Id = TypeVar("Id", bound=UUID)


class Entity(Generic[Id]):
    """Something with an identity. Two entities are equal when type and id are; the id never changes."""

    __slots__ = ("_id",)

    def __new__(cls, *_args: object, **_kwargs: object) -> Entity[Id]:
        if cls.__module__ == __name__:
            raise TypeError(f"{cls.__name__} is a building block: derive a named class from it")
        return super().__new__(cls)

    def __init__(self, id: Id) -> None:
        self._id = id

    @property
    def id(self) -> Id:
        """The identity, fixed at birth."""
        return self._id

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._id == self._id

    def __hash__(self) -> int:
        return hash((type(self), self._id))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
