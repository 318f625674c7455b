"""The rules of the domain blocks."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC
from uuid import UUID

import pytest

from hedgerow_core.domain import (
    AggregateRoot,
    DomainEvent,
    Entity,
    Secret,
    SystemClock,
    ValueObject,
    new_id,
)


class Cat(Entity[UUID]):
    pass


class Dog(Entity[UUID]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(DomainEvent):
    name: str


class Farm(AggregateRoot[UUID]):
    def rename(self, name: str) -> None:
        self.record(Renamed(name=name))


@dataclass(frozen=True, slots=True)
class Weight(ValueObject):
    grams: int


def test_entities_are_equal_by_type_and_id() -> None:
    same = new_id()
    assert Cat(same) == Cat(same)
    assert Cat(same) != Dog(same)
    assert len({Cat(same), Cat(same), Dog(same)}) == 2


def test_an_identity_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Cat(new_id()).id = new_id()  # type: ignore[misc]


@pytest.mark.parametrize("block", [Entity, AggregateRoot, ValueObject])
def test_building_blocks_cannot_be_instantiated(block: type) -> None:
    with pytest.raises(TypeError, match="derive a named class"):
        block(new_id()) if block is not ValueObject else block()


def test_an_aggregate_hands_its_events_over_once() -> None:
    farm = Farm(new_id())
    farm.rename("Hedgerow")
    assert farm.saved_as(1) == (Renamed(name="Hedgerow"),)
    assert farm.version == 1
    assert farm.saved_as(2) == ()


def test_value_objects_compare_by_value_and_do_not_change() -> None:
    assert Weight(5) == Weight(5)
    with pytest.raises(FrozenInstanceError):
        Weight(5).grams = 6  # type: ignore[misc]


def test_a_secret_never_prints_itself() -> None:
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {[secret]}" == "<hidden> <hidden> [<hidden>]"
    assert secret.reveal() == "hunter2"


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert {i.version for i in ids} == {7}
    assert len(set(ids)) == 1000
    assert [i.int >> 80 for i in ids] == sorted(i.int >> 80 for i in ids)


def test_the_clock_speaks_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
