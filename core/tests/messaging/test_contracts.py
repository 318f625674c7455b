"""A reader that nothing is found about reads every payload; every way to break one is found, with its field."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import (
    UUID7,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    ValidationError,
    create_model,
)

from hedgerow_core.messaging import EventContract, compatibility
from hedgerow_core.messaging.contracts import fields_of, incompatibilities, published_schema, reader_schema


class Line(BaseModel):
    amount: int
    note: str | None = None


class Tree(BaseModel):
    name: str
    branches: list[Tree] = []


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Card(BaseModel):
    kind: Literal["card"] = "card"
    digits: str


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"


class Cheque(BaseModel):
    kind: Literal["cheque"] = "cheque"


def publisher_of(**fields: Any) -> type[EventContract]:
    made: Any = create_model("Published", __base__=EventContract, **fields)
    return made  # type: ignore[no-any-return]


def reader_of(**fields: Any) -> type[BaseModel]:
    made: Any = create_model("Reader", **fields)
    return made  # type: ignore[no-any-return]


def found(published: Any, read: Any) -> list[str]:
    """The findings about one field."""
    contract, model = publisher_of(field=(published, ...)), reader_of(field=(read, ...))
    return [str(finding) for finding in incompatibilities(published_schema(contract), reader_schema(model))]


READABLE: list[tuple[Any, Any]] = [
    (str, str),
    (int, float),
    (int, Decimal),
    (UUID, str),
    (UUID7, UUID),
    (UUID, Any),
    (datetime, str),
    (date, date),
    (Decimal, str),
    (Decimal, Decimal),
    (str, str | None),
    (str | None, str | int | None),
    (Literal["a"], str),
    (Literal["a"], Literal["a", "b"]),
    (Literal["a", 1, None], str | int | None),
    (Literal["abc"], Annotated[str, Field(min_length=3, pattern="^a")]),
    (Literal[7], Annotated[int, Field(ge=7, le=7)]),
    (Colour, Literal["red", "blue", "green"]),
    (Literal["red"], Colour),
    (list[int], list[float]),
    (list[int], set[int]),
    (set[str], list[str]),
    (tuple[int, str], tuple[int, str]),
    (tuple[int, int], list[int]),
    (Annotated[list[int], Field(min_length=2, max_length=2)], tuple[int, int]),
    (Line, dict[str, Any]),
    (Line, dict[str, int | str | None]),
    (dict[str, int], dict[str, float]),
    (dict[UUID, int], dict[str, int]),
    (dict[int, int], dict[int, int]),
    (list[Line], list[Line]),
    (Tree, Tree),
    (Annotated[int, Field(gt=0, lt=9)], Annotated[int, Field(ge=0, le=9)]),
    (Annotated[int, Field(multiple_of=6)], Annotated[int, Field(multiple_of=3)]),
    (Annotated[str, Field(max_length=3)], Annotated[str, Field(max_length=4)]),
    (Annotated[str, Field(pattern="^a")], Annotated[str, Field(pattern="^a")]),
    (Annotated[Decimal, Field(ge=1)], Annotated[Decimal, Field(ge=0)]),
    (Card | Cash, Annotated[Card | Cash | Cheque, Field(discriminator="kind")]),
    (AwareDatetime, AwareDatetime),
]


@pytest.mark.parametrize(("published", "read"), READABLE, ids=str)
def test_what_fits_is_not_found(published: Any, read: Any) -> None:
    assert found(published, read) == []


UNREADABLE: list[tuple[Any, Any, str]] = [
    (str, int, "field is published as string and read as integer"),
    (float, int, "field is published as number and read as integer"),
    (bool, int, "field is published as boolean and read as integer"),
    (str, UUID, "field is published as string and read as string (uuid)"),
    (date, datetime, "field is published as string (date) and read as string (date-time)"),
    (str, Decimal, "field is published as string and read as string (decimal)"),
    (Any, str, "field is published as anything and read as string"),
    (str | None, str, "field may be null, which the reader refuses"),
    (str | int, str, "field is published as integer and read as string"),
    (Literal["a", "b"], Literal["a"], 'field may be "b", which the reader doesn\'t know'),
    (str, Literal["a"], 'field may be any string; the reader knows "a"'),
    (Literal[1], Literal[True], "field is published as integer and read as boolean"),
    (Colour, Literal["red"], 'field may be "blue", which the reader doesn\'t know'),
    (list[str], list[int], "field[] is published as string and read as integer"),
    (list[int], tuple[int, int], "field is read with minItems 2, which is not promised"),
    (
        Annotated[list[int], Field(min_length=2)],
        Annotated[set[int], Field(min_length=2)],
        "field may repeat an item",
    ),
    (tuple[int, str], list[int], "field[1] is published as string and read as integer"),
    (list[Line], list[Card], "field[].digits is not published, but required by the reader"),
    (dict[str, str], dict[str, int], "field{} is published as string and read as integer"),
    (dict[str, str], dict[UUID, str], "field has names: a name is published as string and read as string (uuid)"),
    (dict[str, int], dict[int, int], "field has names: a name is published as string and read as string (int)"),
    (dict[str, int], Line, "field.amount is not always published, but required by the reader"),
    (Line, dict[str, int], "field.note is published as string and read as integer"),
    (int, Annotated[int, Field(ge=0)], "field is read with the lower bound 0, which is not promised"),
    (Annotated[int, Field(ge=0)], Annotated[int, Field(gt=0)], "field is read with the lower bound more than 0"),
    (int, Annotated[int, Field(lt=5)], "field is read with the upper bound less than 5"),
    (Annotated[int, Field(le=6)], Annotated[int, Field(le=5)], "field is read with the upper bound 5"),
    (int, Annotated[int, Field(multiple_of=5)], "field is read as a multiple of 5"),
    (str, Annotated[str, Field(max_length=3)], "field is read with maxLength 3"),
    (str, Annotated[str, Field(min_length=1)], "field is read with minLength 1"),
    (str, Annotated[str, Field(pattern="^a")], "field is read by the pattern ^a"),
    (Decimal, Annotated[Decimal, Field(ge=0)], "field is read with the lower bound 0"),
    (Decimal, Annotated[Decimal, Field(max_digits=3)], "field is read with x-digits 3"),
    (AnyUrl, HttpUrl, "field is read with maxLength 2083"),
    (datetime, AwareDatetime, "field is read with tz_constraint=aware"),
    (datetime, Annotated[datetime, Field(ge=datetime(2020, 1, 1, tzinfo=UTC))], "field is read with ge="),
    (datetime, Annotated[datetime, Field(strict=True)], "field is read with strict=True"),
    (
        Annotated[str, Field(min_length=1)],
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)],
        "field is read with strip_whitespace=True",
    ),
    (Cheque, Annotated[Card | Cash, Field(discriminator="kind")], "field is published as"),
    (Tree, Annotated[dict[str, int], Field()], "field.name is published as string and read as integer"),
]


@pytest.mark.parametrize(("published", "read", "what"), UNREADABLE, ids=str)
def test_what_does_not_fit_is_found_with_its_field(published: Any, read: Any, what: str) -> None:
    (first, *_others) = found(published, read) or [""]

    assert first.startswith(what)


def test_every_finding_says_how_to_mend_it() -> None:
    for published, read, _what in UNREADABLE:
        contract, model = publisher_of(field=(published, ...)), reader_of(field=(read, ...))
        assert all(found.fix for found in incompatibilities(published_schema(contract), reader_schema(model)))


def test_a_field_that_the_reader_does_not_know_is_fine() -> None:
    contract, model = publisher_of(old=(int, ...), new=(str, ...)), reader_of(old=(int, ...))

    assert incompatibilities(published_schema(contract), reader_schema(model)) == []


def test_a_field_that_is_required_must_be_published_and_one_with_a_default_need_not() -> None:
    contract = publisher_of(old=(int, ...))
    (missing,) = incompatibilities(published_schema(contract), reader_schema(reader_of(new=(str, ...))))

    assert (missing.path, missing.what) == ("new", "is not published, but required by the reader")
    assert "default" in missing.fix
    assert incompatibilities(published_schema(contract), reader_schema(reader_of(new=(str, "")))) == []


def test_a_field_with_a_default_is_always_published_because_defaults_travel() -> None:
    contract = publisher_of(old=(int, 1))

    assert contract().model_dump(mode="json") == {"old": 1}
    assert incompatibilities(published_schema(contract), reader_schema(reader_of(old=(int, ...)))) == []


def test_a_field_that_is_sometimes_left_out_is_not_always_published() -> None:
    contract = publisher_of(old=(int | None, Field(default=None, exclude_if=lambda value: value is None)))
    (found,) = incompatibilities(published_schema(contract), reader_schema(reader_of(old=(int | None, ...))))

    assert contract().model_dump(mode="json") == {}
    assert str(found) == "old is not always published, but required by the reader"


def test_names_travel_as_they_are_dumped() -> None:
    aliased = publisher_of(old=(int, Field(default=1, alias="new")))

    assert aliased().model_dump(mode="json") == {"old": 1}
    assert list(published_schema(aliased)["properties"]) == ["old"]
    assert list(reader_schema(reader_of(old=(int, Field(alias="new"))))["properties"]) == ["new"]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: int


def test_a_reader_that_forbids_what_it_does_not_know_is_found() -> None:
    assert found(Line, Closed) == ["field may carry fields that the reader forbids (note)"]
    assert len(found(reader_of(amount=(int, ...)), Closed)) == 1, "the publisher may add a field tomorrow"
    assert found(Closed, Closed) == [], "unless it has forbidden that to itself"


def test_fields_are_listed_by_path_even_if_a_type_holds_itself() -> None:
    contract = publisher_of(lines=(list[Line], ...), prices=(dict[str, Decimal], ...), tree=(Tree | None, ...))
    listed = fields_of(published_schema(contract))

    assert listed["lines[].amount"] == "integer"
    assert listed["prices{}"] == "string (decimal)"
    assert (listed["tree.name"], listed["tree.branches[]"]) == ("string", "object")


def holding(field: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"field": field}, "required": ["field"], **more}


STRING = {"type": "string"}
NULLABLE = {"type": ["string", "null"]}
NOT_A = {"type": "string", "not": {"const": "a"}}


@pytest.mark.parametrize(
    ("published", "read", "what"),
    [
        (STRING, True, None),
        (STRING, False, "field is read by `not`, which can't be compared"),
        (STRING, NULLABLE, None),
        (NULLABLE, STRING, "field may be null, which the reader refuses"),
        (STRING, NOT_A, "field is read by `not`, which can't be compared"),
        (NOT_A, NOT_A, None),
        ({"allOf": [{"$ref": "#/$defs/Word"}], "description": "…"}, {"type": "string", "minLength": 2}, None),
        ({"type": "array", "items": STRING}, {"type": "array", "contains": STRING}, "field is read by `contains`"),
        (
            {"type": "object", "additionalProperties": True},
            {"type": "object", "properties": {"a": STRING}},
            "field.a",
        ),
        ({"type": "object"}, {"type": "object", "properties": {"a": STRING}}, None),
        ({"const": {"a": 1}}, {"type": "object", "properties": {"a": STRING}}, "field is one fixed composite"),
    ],
)
def test_schemas_that_others_have_written_are_compared_too(published: Any, read: Any, what: str | None) -> None:
    words = {"Word": {"type": "string", "minLength": 3}}
    findings = [str(one) for one in incompatibilities(holding(published, **{"$defs": words}), holding(read))]

    assert findings == [] if what is None else findings[0].startswith(what)


# Property: no finding means that every payload is read

Shape = tuple[Any, st.SearchStrategy[Any]]
"""A type, and the values that a publisher gives it."""


def bounded_int(bounds: tuple[int, int]) -> Shape:
    low, high = sorted(bounds)
    return Annotated[int, Field(ge=low, le=high)], st.integers(low, high)


def bounded_str(bounds: tuple[int, int]) -> Shape:
    low, high = sorted(bounds)
    return Annotated[str, Field(min_length=low, max_length=high)], st.text("abc ", min_size=low, max_size=high)


def bounded_list(inner: Shape, bounds: tuple[int, int]) -> Shape:
    low, high = sorted(bounds)
    return Annotated[list[inner[0]], Field(min_length=low, max_length=high)], st.lists(  # type: ignore[name-defined]
        inner[1], min_size=low, max_size=high
    )


def bounded_decimal(bounds: tuple[int, int]) -> Shape:
    low, high = sorted(bounds)
    return Annotated[Decimal, Field(ge=low, le=high)], st.decimals(low, high, places=2)


def chosen(values: list[Any]) -> Shape:
    return Literal[tuple(values)], st.sampled_from(values)


SMALL = st.tuples(st.integers(0, 3), st.integers(0, 3))
LEAVES: st.SearchStrategy[Shape] = st.one_of(
    st.sampled_from(
        [
            (int, st.integers(-5, 5)),
            (float, st.floats(allow_nan=False, allow_infinity=False)),
            (bool, st.booleans()),
            (str, st.text(max_size=4)),
            (UUID, st.uuids()),
            (datetime, st.datetimes(timezones=st.none() | st.just(UTC))),
            (date, st.dates()),
            (timedelta, st.timedeltas(timedelta(0), timedelta(days=9))),
            (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
            (Colour, st.sampled_from(Colour)),
            (type(None), st.none()),
            (Tree, st.just(Tree(name="a", branches=[Tree(name="b")]))),
        ]
    ),
    SMALL.map(bounded_int),
    SMALL.map(bounded_str),
    SMALL.map(bounded_decimal),
    st.lists(st.sampled_from(["red", "blue", "a", 1, 2]), min_size=1, max_size=3, unique=True).map(chosen),
)


def record(fields: dict[str, tuple[Shape, bool, bool]], forbids: bool) -> Shape:
    """A model: each field with its shape, whether it has a default, and whether it may be left out."""
    config = ConfigDict(extra="forbid" if forbids else "ignore")
    declared: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name, ((kind, value), default, omitted) in fields.items():
        if omitted:
            declared[name] = (kind | None, Field(default=None, exclude_if=lambda given: given is None))
            values[name] = st.none() | value
        else:
            declared[name] = (kind | None, None) if default else (kind, ...)
            values[name] = st.none() | value if default else value
    model: Any = create_model("Record", __config__=config, **declared)
    return model, st.builds(model, **values)


NAMES = st.sampled_from(["a", "b", "c"])


Pair = tuple[Shape, Shape]
"""What is published, and what somebody reads: alike, but seldom the same."""


def in_list(shape: Shape) -> Shape:
    return list[shape[0]], st.lists(shape[1], max_size=3)  # type: ignore[name-defined]


def in_mapping(shape: Shape) -> Shape:
    return dict[str, shape[0]], st.dictionaries(NAMES, shape[1])  # type: ignore[name-defined]


def in_pair(shape: Shape, other: Shape) -> Shape:
    return tuple[shape[0], other[0]], st.tuples(shape[1], other[1])  # type: ignore[name-defined]


def either(shape: Shape, other: Shape) -> Shape:
    return shape[0] | other[0], shape[1] | other[1]


def leaf_pairs(leaf: Shape) -> st.SearchStrategy[Pair]:
    nullable = either(leaf, (type(None), st.none()))
    return st.tuples(st.just(leaf), st.sampled_from([leaf, nullable]) | LEAVES)


def record_pairs(fields: dict[str, Pair]) -> st.SearchStrategy[Pair]:
    """Two models of the same fields, of which the reader may lack some; the rest is drawn for each."""

    def side(number: int) -> st.SearchStrategy[Shape]:
        field = {
            name: st.tuples(st.just(pair[number]), st.booleans(), st.booleans()) for name, pair in fields.items()
        }
        some = st.fixed_dictionaries({}, optional=field) if number else st.fixed_dictionaries(field)
        return st.builds(record, some, st.sampled_from([False, False, False, True]))

    return st.tuples(side(0), side(1))


def grown(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    two = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda pair: (in_list(pair[0]), in_list(pair[1]))),
        inner.map(lambda pair: (in_mapping(pair[0]), in_mapping(pair[1]))),
        two.map(lambda pairs: (in_pair(pairs[0][0], pairs[1][0]), in_pair(pairs[0][1], pairs[1][1]))),
        two.map(lambda pairs: (pairs[0][0], either(pairs[0][1], pairs[1][1]))),
        two.map(lambda pairs: (either(pairs[0][0], pairs[1][0]), either(pairs[0][1], pairs[1][1]))),
        st.tuples(inner, SMALL, SMALL).map(
            lambda drawn: (bounded_list(drawn[0][0], drawn[1]), bounded_list(drawn[0][1], drawn[2]))
        ),
        st.dictionaries(NAMES, inner, max_size=3).flatmap(record_pairs),
    )


PAIRS = st.recursive(LEAVES.flatmap(leaf_pairs), grown, max_leaves=4)


def read_failure(published: Shape, read: Shape, data: st.DataObject) -> ValidationError | None:
    """What the reader says to one payload of the publisher."""
    contract, model = publisher_of(field=(published[0], ...)), reader_of(field=(read[0], ...))
    value = data.draw(st.builds(contract, field=published[1]))
    payload = json.loads(json.dumps(value.model_dump(mode="json")))
    try:
        model.model_validate(payload)
    except ValidationError as error:
        return error
    return None


def reads_every_payload(pair: Pair, data: st.DataObject) -> bool:
    """Holds the promise against one pair; says whether there was anything to hold."""
    published, read = pair
    fits = not found(published[0], read[0])
    if fits:
        assert read_failure(published, read, data) is None
    return fits and published[0] != read[0]


def test_a_reader_without_findings_reads_every_payload() -> None:
    proven: list[bool] = []

    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(pair=PAIRS, data=st.data())
    def holds(pair: Pair, data: st.DataObject) -> None:
        proven.append(reads_every_payload(pair, data))

    holds()
    assert sum(proven) >= 30, "hardly any two different shapes fit, so hardly anything is proven"


@pytest.mark.parametrize("blind", ["differences", "_takes", "_object", "_array"])
def test_a_comparison_that_overlooks_something_is_caught(blind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    holder: Any = compatibility if hasattr(compatibility, blind) else compatibility.Comparison
    monkeypatch.setattr(holder, blind, lambda *_arguments: True if blind == "_takes" else ())

    @settings(
        max_examples=1000,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(pair=PAIRS, data=st.data())
    def holds(pair: Pair, data: st.DataObject) -> None:
        reads_every_payload(pair, data)

    with pytest.raises((AssertionError, ExceptionGroup)):
        holds()


class SomethingHappenedV1(EventContract):
    """Once a docstring."""

    event_type: ClassVar[str] = "sky.something_happened"
    model_config = ConfigDict(serialize_by_alias=True)

    when: datetime = Field(alias="at")


def test_a_contract_that_dumps_its_aliases_publishes_them() -> None:
    event = SomethingHappenedV1(at=datetime(2026, 1, 1, tzinfo=UTC))

    assert (
        list(event.model_dump(mode="json")) == list(published_schema(SomethingHappenedV1)["properties"]) == ["at"]
    )
