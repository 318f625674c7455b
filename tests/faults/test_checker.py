"""The checker sees each class of damage: every one has a history, made by hand, that turns it red."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from tests.faults.laboratory import evidence
from tests.faults.laboratory.checker import Answer, Effect, Measured, Publish, Verdict, judge
from tests.faults.laboratory.evidence import Row
from tests.faults.laboratory.records import Records

KEY, OTHER = UUID(int=100), UUID(int=200)


def publish(number: int, answer: Answer = Answer.ACKNOWLEDGED, *, key: UUID = KEY, told: bool = True) -> Publish:
    return Publish(key, number, answer, UUID(int=key.int + number) if told else None)


def effect(number: int, *, key: UUID = KEY, subscription: str = "notes", event_id: UUID | None = None) -> Effect:
    return Effect(subscription, event_id or UUID(int=key.int + number), key, number)


PUBLISHED = [publish(1), publish(1, key=OTHER), publish(2)]
EFFECTS = [effect(1, key=OTHER), effect(1), effect(2)]


def test_each_once_and_in_its_keys_order_is_clean() -> None:
    verdict = judge(PUBLISHED, EFFECTS)
    assert verdict == Verdict(ok=3)
    assert verdict.clean


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        (EFFECTS[:2], Verdict(ok=2, lost=1)),
        ([*EFFECTS, effect(3)], Verdict(ok=3, ghost=1)),
        ([*EFFECTS, effect(2, event_id=UUID(int=7))], Verdict(ok=3, ghost=1)),
        ([*EFFECTS, effect(1)], Verdict(ok=3, duplicate=1)),
        ([EFFECTS[0], effect(2), effect(1)], Verdict(ok=2, reordered=1)),
        ([], Verdict(lost=3)),
    ],
    ids=["lost", "ghost", "another event in its place", "duplicate", "reordered", "all lost"],
)
def test_damage_is_red(effects: list[Effect], expected: Verdict) -> None:
    verdict = judge(PUBLISHED, effects)
    assert verdict == expected
    assert not verdict.clean
    assert str(verdict).startswith("RED")


def test_what_still_has_a_delivery_is_stuck_and_not_lost() -> None:
    assert judge(PUBLISHED, EFFECTS[:2], unfinished={UUID(int=KEY.int + 2)}) == Verdict(ok=2, stuck=1)


def test_what_was_rolled_back_is_a_ghost_even_where_another_event_took_its_number() -> None:
    rolled_back = Publish(KEY, 2, Answer.REFUSED, UUID(int=7))
    assert judge([*PUBLISHED, rolled_back], EFFECTS).clean
    assert judge([*PUBLISHED, rolled_back], [*EFFECTS, effect(2, event_id=UUID(int=7))]).ghost == 1
    assert judge([rolled_back], [effect(2, event_id=UUID(int=7))]).ghost == 1


def test_an_unknown_answer_may_go_either_way_but_the_same_way_everywhere() -> None:
    published = [publish(1), publish(2, Answer.UNKNOWN)]
    both = [effect(1), effect(1, subscription="second")]
    assert judge(published, both).clean
    assert judge(published, [*both, effect(2), effect(2, subscription="second")]).clean
    assert judge(published, [*both, effect(2)]) == Verdict(ok=3, lost=1)


def test_without_an_id_key_and_number_tell_the_event() -> None:
    assert judge([publish(1, told=False)], [effect(1)]).clean
    assert judge([publish(1, told=False)], [effect(2)]) == Verdict(lost=1, ghost=1)


def test_a_subscription_without_any_effect_has_lost_everything() -> None:
    assert judge(PUBLISHED, EFFECTS, subscriptions=["notes", "silent"]) == Verdict(ok=3, lost=3)


def test_green_is_demanded_of_the_product_and_red_of_a_mutant(tmp_path: Path) -> None:
    record = Records(tmp_path)
    record("0 a rule", Verdict(ok=1), seed=1, events=1)
    record("0 a rule", Verdict(lost=1), seed=1, mutant="broken")
    with pytest.raises(AssertionError, match="expected green"):
        record("0 a rule", Verdict(lost=1), seed=1)
    with pytest.raises(AssertionError, match="expected red"):
        record("0 a rule", Measured(True, "p99 3 ms"), seed=1, mutant="broken")
    with pytest.raises(AssertionError, match="expected something duplicate"):
        record("0 a rule", Verdict(lost=1), seed=1, mutant="broken", shows="duplicate")


def test_the_history_lies_on_disk_line_by_line(tmp_path: Path) -> None:
    Records(tmp_path)("0 a rule", Verdict(ok=3), seed=1, history=[*PUBLISHED, *EFFECTS])
    lines = next(tmp_path.glob("*.jsonl")).read_text().splitlines()
    assert len(lines) == len(PUBLISHED) + len(EFFECTS)
    assert '"what": "publish"' in lines[0]


def test_a_run_replaces_its_own_rows_of_the_evidence_and_no_others(tmp_path: Path) -> None:
    record = Records(tmp_path)
    for experiment, mutant in (("1 one", None), ("2 two", None), ("2 two", "broken")):
        record(experiment, Verdict(lost=1) if mutant else Verdict(ok=1), seed=1, mutant=mutant)
    evidence.write(
        tmp_path, [Row.of(each, date="monday", commit="a" * 40) for each in record.records], {"cores": "2"}
    )
    again = Records(tmp_path)
    with pytest.raises(AssertionError, match="expected green"):
        again("2 two", Verdict(stuck=1), seed=2)
    evidence.write(
        tmp_path, [Row.of(each, date="friday", commit="b" * 40) for each in again.records], {"cores": "2"}
    )

    page = (tmp_path / "faults.md").read_text()

    assert [line.count("friday") for line in page.splitlines() if line.startswith(("| 1", "| 2"))] == [0, 1, 0]
    assert page.count("UNEXPECTED") == 1


def test_what_is_found_about_money_has_a_page_of_its_own(tmp_path: Path) -> None:
    record = Records(tmp_path)
    for experiment in ("1 one", "17 two", "18 three", "23 four", "24 five", evidence.GAPLESS_NUMBERS):
        record(experiment, Verdict(ok=1), seed=1)
    evidence.write(tmp_path, [Row.of(each, date="monday", commit="a" * 40) for each in record.records], {})

    def named_on(page: str) -> list[str]:
        lines = (tmp_path / page).read_text().splitlines()
        return [line.split(" | ")[0].strip("| ") for line in lines if "monday" in line]

    assert named_on("faults.md") == ["1 one", "17 two", "24 five"]
    assert named_on("money.md") == [evidence.GAPLESS_NUMBERS, "18 three", "23 four"]
