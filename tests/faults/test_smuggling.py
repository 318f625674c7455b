"""Experiment 38: however a proxy reads a message of doubtful length, nobody gets an answer that is not theirs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import count

import pytest

from hedgerow_core.testing.servers import LOCALHOST
from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.framing import READINGS, STRICT, Reading
from tests.faults.laboratory.front import serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size, with_twins
from tests.faults.laboratory.smuggling import HOST, SMUGGLED_PATH, pairs

ANSWERS_WITHIN_S = 0.3
"""If nothing has come by then, the server waits for the rest of a body; a proxy hangs up over that."""
VICTIM_WAITS_S = 10.0
VICTIM_PATH = b"/v1/nobody/victim-%d"


@pytest.mark.parametrize("mutant", with_twins("reads_leniently"))
async def test_nobody_gets_an_answer_that_is_not_theirs(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    known = list(pairs())
    chosen = random.Random(seed).sample(known, min(size("smuggling.pairs"), len(known)))
    wrong, seen = list[str](), Counter[str]()
    async with serving(shared_production, HEDGEROW_RATE_LIMIT_PER_MINUTE="100000", **settings) as (node,):
        for reading in READINGS:
            proxy = Proxy(node.port, reading, seen)
            for name, said in chosen:
                if not await proxy.is_in_step_after(said):
                    wrong.append(f"{name}, a proxy that reads {reading.name}")
            proxy.hang_up()
        for name, said in chosen:
            if await _served_beyond(node.port, said):
                wrong.append(f"{name}, directly")

    clean = not wrong and seen["passed on"] > seen["refused by the proxy"] > 0
    line = (
        f"{len(chosen)} pairs through {len(READINGS)} proxies and directly "
        f"({', '.join(f'{n} {what}' for what, n in sorted(seen.items()))}): {len(wrong)} out of step {wrong[:3]}"
    )
    verdict("38 smuggling", Measured(clean, line), seed=seed, mutant=mutant)


class Proxy:
    """Passes on what it takes for messages, over one connection for all its clients, as long as that is kept."""

    def __init__(self, port: int, reading: Reading, seen: Counter[str]) -> None:
        self._port, self._reading, self._seen = port, reading, seen
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._victims = count()

    async def is_in_step_after(self, said: bytes) -> bool:
        """Whether everybody gets their own answer: the attacker who says this, and a victim who comes next."""
        messages = self._reading.split(said)
        self._seen["passed on" if messages else "refused by the proxy"] += 1
        for message in messages:
            answer = await self._exchange(message, ANSWERS_WITHIN_S)
            own = message.startswith(b"GET " + SMUGGLED_PATH)
            if (SMUGGLED_PATH in answer) and not own:
                self.hang_up()
                return False
        path = VICTIM_PATH % next(self._victims)
        answer = await self._exchange(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n", VICTIM_WAITS_S, tries=2)
        if path + b"." not in answer:
            self.hang_up()
        return path + b"." in answer

    async def _exchange(self, message: bytes, within_s: float, tries: int = 1) -> bytes:
        """One message, one answer; empty if none came. An idle connection may just have been closed: try again."""
        fresh = self._line is None
        if self._line is None:
            self._line = await asyncio.open_connection(LOCALHOST, self._port)
        reader, writer = self._line
        try:
            writer.write(message)
            async with asyncio.timeout(within_s):
                answer, ends = await _one_answer(reader)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as failure:
            self.hang_up()
            if isinstance(failure, TimeoutError):
                self._seen["waited for in vain"] += 1
            elif tries > 1 and not fresh:
                return await self._exchange(message, within_s, tries - 1)
            return b""
        if ends:
            self.hang_up()
        return answer

    def hang_up(self) -> None:
        """Its next message opens a connection."""
        if self._line is not None:
            self._line[1].close()
            self._line = None


async def _one_answer(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """Head and body, and whether it says that the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return head + await reader.readexactly(length), b"connection: close" in head


async def _served_beyond(port: int, said: bytes) -> int:
    """How many hidden requests were served that are none by the strict reading."""
    reader, writer = await asyncio.open_connection(LOCALHOST, port)
    writer.write(said)
    answered = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), ANSWERS_WITHIN_S):
            answered += part
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    meant = sum(message.startswith(b"GET " + SMUGGLED_PATH) for message in STRICT.split(said))
    return answered.count(b"HTTP/1.1 404 ") - meant if answered.count(b"HTTP/1.1 404 ") > meant else 0
