"""What comes when: each stage by itself, and a run through all of them up to the one that was asked for.

A stage that is finished is not begun again, but every run follows before it compares or switches. Whatever is
killed is repeated as a whole: nothing in here relies on how far it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move import fence
from hedgerow_host.extraction.move.answers import Asked, OtherAnswer, Shadow, sampled
from hedgerow_host.extraction.move.comparing import Comparison, compare_now
from hedgerow_host.extraction.move.copying import copy_all
from hedgerow_host.extraction.move.ending import retire
from hedgerow_host.extraction.move.following import Step, follow, follow_to, forget
from hedgerow_host.extraction.move.handing_over import SMALL_ENOUGH, TRIES, hand_over
from hedgerow_host.extraction.move.new_host import demand_standby
from hedgerow_host.extraction.move.preparing import demand_same_versions, prepare
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.stage import Stage
from hedgerow_host.extraction.move.state import Move, finished, move_of
from hedgerow_host.extraction.move.tables import MovedTable, tables_of
from hedgerow_host.extraction.move.verifying import Sign, verify
from hedgerow_host.migrate import chosen_contexts
from hedgerow_host.settings import HostSettings

FOLLOW_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the operator has said."""

    new_host: str | None = None
    """Its URL."""
    asked: Sequence[Asked] = ()
    archive: Path = Path()
    """The folder for what the source held."""


@dataclass(slots=True)
class Mover:
    """A move under way, and nobody else's."""

    context: str
    settings: HostSettings
    source: Side
    target: Side
    tell: Callable[[str], None]
    found: dict[str, Any] = field(default_factory=dict)
    """What the stages of this run have found, for who reads it."""

    async def run(self, through: Stage, wishes: Wishes) -> Stage:
        """Finish all stages up to this one; returns the last that is finished.

        Raises:
            HostError: a stage can't be finished; all before it stay so.
        """
        steps: dict[Stage, Callable[[Wishes], Any]] = {
            Stage.PREPARE: self._prepare,
            Stage.COPY: self._copy,
            Stage.FOLLOW: self._follow,
            Stage.SHADOW: self._shadow,
            Stage.SWITCH: self._switch,
            Stage.VERIFY: self._verify,
            Stage.RETIRE: self._retire,
        }
        for stage, step in steps.items():
            if stage.nth > through.nth:
                break
            move = await move_of(self.source, self.context)
            if move is not None and not await self._is_due(stage, move, through):
                continue
            self.tell(f"{stage}: begins")
            await step(wishes)
            if stage is not Stage.RETIRE:
                for side in (self.source, self.target):
                    await finished(side, self.context, stage, **{stage.value: self.found.get(stage.value)})
            self.tell(f"{stage}: finished")
        return through

    async def keep_following(self) -> None:
        """Follow until somebody ends it."""
        while True:
            step = await follow(self.source, self.target, self.context, await self._tables())
            await forget(self.source, self.target, self.context)
            if step.size:
                self.tell(f"followed {step.size} changed rows")
            await asyncio.sleep(FOLLOW_EVERY_S)

    async def _is_due(self, stage: Stage, move: Move, through: Stage) -> bool:
        """Whether a stage is to be done. What compares is done anew in every run, until the target takes writes."""
        if stage in (Stage.FOLLOW, Stage.SHADOW) and move.has(stage):
            return not (move.has(Stage.SWITCH) or await self._is_switched())
        return not move.has(stage) or stage is through is Stage.VERIFY

    async def _is_switched(self) -> bool:
        """Whether the source stands still for good: a switch that was cut off is beyond the point of no return."""
        return await fence.is_closed_for_good(self.source, self.context)

    async def _prepare(self, _wishes: Wishes) -> None:
        (loaded,) = chosen_contexts(self.settings, self.context)
        await prepare(self.source, self.target, loaded)
        for table in await self._tables():
            if not table.key:
                self.tell(f"{table.name} has no unique key: it is carried as a whole whenever it has changed")

    async def _copy(self, _wishes: Wishes) -> None:
        await demand_same_versions(self.source, self.target, self.context)
        rows = await copy_all(self.source, self.target, self.context, await self._tables(), self.tell)
        self.found["copy"] = {"rows": rows}

    async def _follow(self, _wishes: Wishes) -> None:
        await demand_same_versions(self.source, self.target, self.context)
        step = await self._follow_until_small()
        self.found["follow"] = {"left": step.size}

    async def _follow_until_small(self) -> Step:
        for _ in range(TRIES):
            step = await follow(self.source, self.target, self.context, await self._tables())
            await forget(self.source, self.target, self.context)
            self.tell(f"followed {step.size} changed rows")
            if step.size <= SMALL_ENOUGH:
                return step
        raise HostError(
            f"{self.context} is written to faster than its changes are carried",
            fix="run this again when less is written",
            code=ExitCode.CHECK_FAILED,
        )

    async def _shadow(self, wishes: Wishes) -> None:
        tables = await self._tables()
        async with self.source.frozen() as snapshot:
            await follow_to(snapshot, self.source, self.target, self.context, tables)
            compared = await compare_now(self.source, self.target, tables)
            self.tell(f"compared {compared.rows} rows of {compared.tables} tables: {compared.differing} differ")
            questions, others = await self._ask(wishes, tables)
        self.tell(f"asked {questions} questions at both sides: {len(others)} answers differ")
        self.found["shadow"] = {
            "tables": compared.tables,
            "rows": compared.rows,
            "differing": compared.differing,
            "differences": [asdict(each) for each in compared.differences],
            "questions": questions,
            "other_answers": [asdict(each) for each in others],
        }
        if compared.differing or others:
            raise HostError(
                "\n".join(_told(compared, others)),
                fix=f"run this again; if it stays, `hedgerow extract rollback {self.context}` and tell the authors",
                code=ExitCode.CHECK_FAILED,
            )

    async def _ask(self, wishes: Wishes, tables: Sequence[MovedTable]) -> tuple[int, list[OtherAnswer]]:
        """Of the moment at which the source is frozen, and which the target has reached."""
        moment = await self.source.connection.fetchval("SELECT pg_export_snapshot()")
        shadow = Shadow(self.context, self.settings, self.source.address, self.target.address, moment)
        asked = [*wishes.asked, *await sampled(self.source, tables, shadow.queries)]
        return len(asked), await shadow.compare(asked)

    async def _switch(self, wishes: Wishes) -> None:
        await demand_same_versions(self.source, self.target, self.context)
        if not await self._is_switched():
            await demand_standby(wishes.new_host, self.context)
        switched = await hand_over(self.source, self.target, self.context, await self._tables())
        self.tell(
            f"{self.context} stood still for {switched.standstill_s:.2f} s; {switched.carried} rows were carried"
        )
        self.found["switch"] = {**asdict(switched), "at": datetime.now(UTC).isoformat()}

    async def _verify(self, _wishes: Wishes) -> None:
        move = await move_of(self.source, self.context)
        assert move is not None  # noqa: S101 - the stages before have begun it
        switched = move.details.get("switch") or {}
        signs = await verify(self.source, self.target, move, switched_at=switched.get("at") or str(move.changed_at))
        self.found["verify"] = [asdict(sign) for sign in signs]
        missing = [sign for sign in signs if not sign.good]
        for sign in signs:
            self.tell(f"{'yes' if sign.good else 'NO '}  {sign.what}: {sign.found}")
        if missing:
            raise HostError(
                f"{len(missing)} of {len(signs)} signs are missing: {'; '.join(map(_missing, missing))}",
                fix="\n       ".join(sign.fix for sign in missing),
                code=ExitCode.CHECK_FAILED,
            )

    async def _retire(self, wishes: Wishes) -> None:
        move = await move_of(self.source, self.context)
        assert move is not None  # noqa: S101 - the stages before have begun it
        removed, role = await retire(self.source, self.target, move, wishes.archive, datetime.now(UTC))
        self.tell(f"{sum(removed.tables.values())} rows archived in {wishes.archive}; schema dropped; {role}")
        self.found["retire"] = {"archive": str(wishes.archive), "rows": sum(removed.tables.values()), "role": role}

    async def _tables(self) -> list[MovedTable]:
        return await tables_of(self.source.connection, self.context)


def _missing(sign: Sign) -> str:
    return f"not yet: {sign.what} ({sign.found})"


def _told(compared: Comparison, others: Sequence[OtherAnswer]) -> list[str]:
    lines = [f"the sides are not the same: {compared.differing} rows, {len(others)} answers"]
    lines += [f"  {each.table} {each.key}: {each.what}" for each in compared.differences]
    lines += [f"  {each.query} {each.parameters}: {each.at_source} ≠ {each.at_target}" for each in others]
    return lines
