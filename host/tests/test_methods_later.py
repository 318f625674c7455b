"""A dataclass that writes its methods later is the same dataclass, and has written nothing until it is asked to."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator
from copy import copy
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, get_type_hints

import pytest

from hedgerow_host.methods_later import WRITER, Unwritten, write_methods_at_once, write_methods_later

METHODS = {"__init__", "__eq__", "__hash__", "__setattr__", "__delattr__"}
"""Of every frozen one, besides `__repr__`, which is always wrapped."""
pytestmark = pytest.mark.skipif(sys.version_info >= (3, 13), reason="writes all methods of a class at once")


@pytest.fixture
def later() -> Iterator[None]:
    write_methods_later()
    yield
    write_methods_at_once()


def hedges(**how: bool) -> tuple[Any, Any]:
    """A hedge, and one that is a little more."""

    @dataclass(frozen=True, **how)
    class Hedge:
        """Said here, because the library would write `__init__` to say it."""

        kind: str
        metres: int = 1
        note: str = field(default="", compare=False, repr=False)

    @dataclass(frozen=True, **how)
    class Laid(Hedge):
        """Bent and woven."""

        around: object = None

    return Hedge, Laid


def behaviour(hedge: Any, laid: Any) -> list[object]:
    """All that can be seen of them from outside."""
    one = hedge("hawthorn", note="old")
    around_it = laid("hazel", around=one)
    seen: list[object] = [repr(one), repr(around_it), one == hedge("hawthorn"), one == hedge("hawthorn", 2)]
    seen += [one == around_it, one != "hawthorn", hash(one) == hash(hedge("hawthorn")), {one: 1}[hedge("hawthorn")]]
    seen += [dataclasses.replace(around_it, metres=3), dataclasses.asdict(around_it), copy(around_it)]
    seen += [inspect.signature(laid), inspect.signature(laid.__init__), get_type_hints(hedge.__init__)]
    for wrong in ({}, {"kind": "hazel", "metre": 1}):
        with pytest.raises(TypeError) as wrongly_made:
            laid(**wrong)
        seen.append(str(wrongly_made.value))
    for change in (
        lambda: setattr(one, "kind", "blackthorn"),
        lambda: setattr(around_it, "kind", "blackthorn"),
        lambda: delattr(one, "metres"),
        lambda: one.__setattr__("kind", "blackthorn"),
    ):
        with pytest.raises(FrozenInstanceError) as refused:
            change()
        seen.append(str(refused.value))
    return [
        *(str(each) for each in seen),
        *(getattr(one, name).__qualname__ for name in sorted({*METHODS, "__repr__"})),
    ]


def unwritten(kind: type) -> set[str]:
    """Which of its methods nobody has looked at yet."""
    return {name for name in METHODS if isinstance(vars(kind)[name], Unwritten)}


@pytest.mark.parametrize("how", [{}, {"slots": True}, {"slots": True, "order": True}])
def test_it_behaves_as_one_that_was_written_at_once(how: dict[str, bool], request: pytest.FixtureRequest) -> None:
    at_once = behaviour(*hedges(**how))
    request.getfixturevalue("later")

    assert behaviour(*hedges(**how)) == at_once


@pytest.mark.parametrize("how", [{}, {"slots": True}])
def test_nothing_is_written_before_it_is_called_and_then_it_takes_its_place(
    how: dict[str, bool], later: None
) -> None:
    hedge, laid = hedges(**how)
    before = unwritten(hedge)

    assert hedge("hawthorn") == hedge("hawthorn")

    assert before == METHODS
    assert unwritten(hedge) == METHODS - {"__init__", "__eq__"}
    assert unwritten(laid) == METHODS


@pytest.mark.usefixtures("later")
def test_afterwards_all_is_as_ever() -> None:
    write_methods_later()  # twice is no more than once
    write_methods_at_once()

    assert unwritten(hedges()[0]) == set()
    assert getattr(dataclasses, WRITER).__module__ == dataclasses.__name__
