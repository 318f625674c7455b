"""Who waits for a place, or is turned away, is no task yet; a place is given back however a request ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware

from hedgerow_core.http.admission import IN_LINE_PER_PLACE, Admission
from hedgerow_core.http.shedding import LoadShedding
from hedgerow_core.observability.metrics import requests_now
from hedgerow_core.testing.servers import LOCALHOST
from hedgerow_host.admitting_protocol import ADMISSION, OTHER_ORIGINS
from hedgerow_host.api import server_config
from hedgerow_host.listening import bound_socket
from hedgerow_host.patient_protocol import MAX_HEADER_BYTES

PATIENT_S = 30.0
IMPATIENT_S = 0.2
SILENT_S = 0.1
ORIGIN = "https://app.example.com"
ON_BEHALF_OF: ContextVar[str] = ContextVar("on_behalf_of", default="")
"""What an application notes for the length of a request."""
GET = b"GET /busy HTTP/1.1\r\nHost: test\r\n"


class Busy:
    """A server with one place, and an application that keeps it until it is `done`."""

    def __init__(self, wait_s: float) -> None:
        self.done, self.running, self.served = asyncio.Event(), 0, 0
        self.inherited: list[str] = []
        self.admission = Admission(at_once=1, wait_s=wait_s)
        self.app = FastAPI()
        setattr(self.app.state, ADMISSION, self.admission)
        setattr(self.app.state, OTHER_ORIGINS, True)
        self.app.add_middleware(LoadShedding, admission=self.admission)
        self.app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN])
        self.app.add_api_route("/busy", self._busy, methods=["GET", "POST"])
        self.app.add_api_route("/early", self._early, methods=["POST"])
        self.server = uvicorn.Server(server_config(self.app))
        self.port = 0

    async def _busy(self, request: Request) -> int:
        self.inherited.append(ON_BEHALF_OF.get())
        ON_BEHALF_OF.set(request.headers.get("x-request-id", "somebody"))
        size = len(await request.body())
        self.running += 1
        await self.done.wait()
        self.running -= 1
        self.served += 1
        return size

    async def _early(self) -> str:
        return "without having looked at a body"

    def hangs_up_after(self, silent_s: float) -> None:
        """On connections that are made from now on."""
        self.server.config.timeout_keep_alive = silent_s  # type: ignore[assignment] # a float does as well

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not reached():  # noqa: ASYNC110 - a server has no event for each of these
                await asyncio.sleep(0.01)

    @property
    def tasks(self) -> int:
        """What the server runs right now."""
        return len(self.server.server_state.tasks)

    @property
    def in_line(self) -> int:
        """How many wait."""
        return requests_now()["in_line"]

    @property
    def free(self) -> bool:
        """Whether the place is."""
        if free := self.admission.enter():
            self.admission.leave()
        return free


@asynccontextmanager
async def serving(wait_s: float) -> AsyncIterator[Busy]:
    busy = Busy(wait_s)
    with bound_socket(LOCALHOST, 0) as listening:
        busy.port = listening.getsockname()[1]
        running = asyncio.create_task(busy.server.serve(sockets=[listening]))
        await busy.until(lambda: busy.server.started)
        yield busy
        busy.done.set()
        busy.server.should_exit = True
        await running


@pytest.fixture
async def patient() -> AsyncIterator[Busy]:
    async with serving(PATIENT_S) as busy:
        yield busy


@pytest.fixture
async def impatient() -> AsyncIterator[Busy]:
    async with serving(IMPATIENT_S) as busy:
        yield busy


class Peer:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            length = 0 if method == "HEAD" else int(fields["content-length"])
            return int(head[0].split()[1]), fields, await self.reader.readexactly(length)

    async def hung_up_on(self) -> bool:
        async with asyncio.timeout(10):
            return await self.reader.read() == b""


async def asking(busy: Busy, request: bytes = GET + b"\r\n") -> Peer:
    peer = Peer(*await asyncio.open_connection(LOCALHOST, busy.port))
    peer.writer.write(request)
    return peer


async def occupied(busy: Busy) -> Peer:
    first = await asking(busy)
    await busy.until(lambda: busy.running == 1)
    return first


async def test_who_is_turned_away_hears_all_that_a_problem_says_and_may_ask_again_there(impatient: Busy) -> None:
    await occupied(impatient)
    peer = await asking(impatient, GET + b"X-Request-ID: mine\r\n\r\n")
    status, fields, body = await peer.answer()
    problem = json.loads(body)
    impatient.done.set()
    peer.writer.write(GET + b"\r\n")
    again, _, _ = await peer.answer()

    assert (status, problem["code"]) == (503, "overloaded")
    assert int(fields["retry-after"]) >= 1
    assert fields["content-type"] == "application/problem+json"
    assert fields["x-request-id"] == "mine"
    assert fields["x-content-type-options"] == "nosniff"
    assert "date" in fields
    assert len(problem["trace_id"]) == 32
    assert problem["trace_id"].strip("0")
    assert again == 200


async def test_who_waits_is_no_task_and_is_served_when_the_place_is_free(patient: Busy) -> None:
    first = await occupied(patient)
    second = await asking(patient)
    await patient.until(lambda: patient.in_line == 1)
    seen = patient.tasks
    patient.done.set()
    answers = [await first.answer(), await second.answer()]

    assert seen == 1
    assert [status for status, _, _ in answers] == [200, 200]
    await patient.until(lambda: patient.free)


async def test_beyond_the_line_nobody_waits(patient: Busy) -> None:
    await occupied(patient)
    line = [await asking(patient) for _ in range(IN_LINE_PER_PLACE)]
    await patient.until(lambda: patient.in_line == IN_LINE_PER_PLACE)
    status, _, _ = await (await asking(patient)).answer()
    patient.done.set()
    waited = [(await peer.answer())[0] for peer in line]

    assert status == 503
    assert waited == [200] * IN_LINE_PER_PLACE


@pytest.mark.parametrize("asked", [b"", b"Expect: 100-continue\r\n"])
async def test_who_is_turned_away_before_its_body_is_here_is_hung_up_on(impatient: Busy, asked: bytes) -> None:
    await occupied(impatient)
    peer = await asking(
        impatient, b"POST /busy HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n" + asked + b"\r\nhalf"
    )
    status, fields, _ = await peer.answer()

    assert (status, fields["connection"]) == (503, "close")
    assert await peer.hung_up_on()


async def test_a_body_that_is_here_keeps_the_connection(impatient: Busy) -> None:
    await occupied(impatient)
    post = b"POST /busy HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"
    peer = await asking(impatient, post)
    refused, _, _ = await peer.answer()
    impatient.done.set()
    peer.writer.write(post)
    status, _, body = await peer.answer()

    assert (refused, status, body) == (503, 200, b"4")


async def test_requests_that_were_sent_ahead_are_answered_one_by_one(impatient: Busy) -> None:
    await occupied(impatient)
    peer = await asking(impatient, (GET + b"\r\n") * 3)
    statuses = [(await peer.answer())[0] for _ in range(3)]

    assert statuses == [503] * 3


async def test_a_head_is_turned_away_without_a_body(impatient: Busy) -> None:
    await occupied(impatient)
    peer = await asking(impatient, b"HEAD /busy HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    status, fields, _ = await peer.answer("HEAD")

    assert (status, fields["connection"]) == (503, "close")
    assert int(fields["content-length"]) > 0
    assert await peer.hung_up_on()


async def test_a_page_of_another_origin_may_read_that_it_is_turned_away(impatient: Busy) -> None:
    await occupied(impatient)
    status, fields, _ = await (await asking(impatient, GET + f"Origin: {ORIGIN}\r\n\r\n".encode())).answer()

    assert (status, fields["access-control-allow-origin"]) == (503, ORIGIN)


async def test_what_is_answered_outside_of_the_application_gives_its_place_back(patient: Busy) -> None:
    preflight = (
        f"OPTIONS /busy HTTP/1.1\r\nHost: test\r\nOrigin: {ORIGIN}\r\nAccess-Control-Request-Method: GET\r\n\r\n"
    )
    peer = await asking(patient, preflight.encode())
    status, _, _ = await peer.answer()

    assert status == 200
    await patient.until(lambda: patient.free)


async def test_who_leaves_the_line_is_never_run(patient: Busy) -> None:
    await occupied(patient)
    leaving, staying = await asking(patient), await asking(patient)
    await patient.until(lambda: patient.in_line == 2)
    leaving.writer.close()
    await patient.until(lambda: patient.in_line == 1)
    patient.done.set()
    status, _, _ = await staying.answer()

    assert status == 200
    assert patient.served == 2
    await patient.until(lambda: patient.free)


async def test_a_body_that_turns_out_unreadable_in_line_takes_no_place(patient: Busy) -> None:
    first = await occupied(patient)
    peer = await asking(patient, b"POST /busy HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
    await patient.until(lambda: patient.in_line == 1)
    peer.writer.write(b"nonsense\r\n")
    status, _, _ = await peer.answer()
    patient.done.set()
    await first.answer()

    assert status == 400
    await patient.until(lambda: patient.free)
    assert patient.served == 1


async def test_what_was_left_unread_is_answered_before_what_follows(patient: Busy) -> None:
    await occupied(patient)
    peer = await asking(patient)
    await patient.until(lambda: patient.in_line == 1)
    peer.writer.write(b"POST /busy HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody")
    await asyncio.sleep(0.1)  # nothing shows that it has come
    patient.done.set()
    sizes = [(await peer.answer())[2] for _ in range(2)]

    assert sizes == [b"0", b"4"]
    await patient.until(lambda: patient.free)


async def test_who_is_being_served_is_not_silent_however_long_it_takes(patient: Busy) -> None:
    patient.hangs_up_after(SILENT_S)
    patient.done.set()
    peer = await asking(patient)
    await peer.answer()
    patient.done.clear()
    peer.writer.write(GET + b"\r\n")
    await asyncio.sleep(5 * SILENT_S)
    patient.done.set()

    assert (await peer.answer())[0] == 200
    assert await peer.hung_up_on()


async def test_who_is_answered_and_never_sends_the_rest_of_its_body_is_hung_up_on(patient: Busy) -> None:
    patient.hangs_up_after(SILENT_S)
    peer = await asking(patient, b"POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nb")

    assert (await peer.answer())[0] == 200
    assert await peer.hung_up_on()


async def test_who_is_refused_late_is_listened_to_for_as_long_as_others_are(patient: Busy) -> None:
    patient.hangs_up_after(3 * SILENT_S)
    patient.done.set()
    peer = await asking(patient)
    await peer.answer()
    peer.writer.write(GET + b"X: " + b"x" * MAX_HEADER_BYTES)
    status, _, _ = await peer.answer()
    for _ in range(5):  # once it is closed, what comes is reset, and the next write hears of it
        await asyncio.sleep(SILENT_S)
        peer.writer.write(b"x")
        await peer.writer.drain()

    assert status == 431
    assert not peer.writer.is_closing()


async def test_who_waits_is_not_silent_however_long_it_takes(patient: Busy) -> None:
    patient.hangs_up_after(SILENT_S)
    patient.done.set()
    peer = await asking(patient)
    await peer.answer()
    patient.done.clear()
    await occupied(patient)
    peer.writer.write(GET + b"\r\n")
    await asyncio.sleep(5 * SILENT_S)
    patient.done.set()

    assert (await peer.answer())[0] == 200


async def test_who_was_turned_away_and_is_silent_is_hung_up_on(impatient: Busy) -> None:
    impatient.hangs_up_after(SILENT_S)
    await occupied(impatient)
    peer = await asking(impatient)
    await peer.answer()

    assert await peer.hung_up_on()


async def test_silence_begins_when_somebody_is_turned_away(impatient: Busy) -> None:
    impatient.hangs_up_after(3 * IMPATIENT_S)
    await occupied(impatient)
    peer = await asking(impatient)
    await peer.answer()
    await asyncio.sleep(IMPATIENT_S)  # turned away before the clock of the first answer is over
    asked_at = asyncio.get_running_loop().time()
    peer.writer.write(GET + b"\r\n")
    await peer.answer()

    assert await peer.hung_up_on()
    assert asyncio.get_running_loop().time() - asked_at >= 3 * IMPATIENT_S


async def test_a_server_that_ends_answers_what_it_had_left_unread(patient: Busy) -> None:
    await occupied(patient)
    peer = await asking(patient)
    await patient.until(lambda: patient.in_line == 1)
    patient.server.should_exit = True
    await patient.until(lambda: not patient.server.servers[0].is_serving())
    patient.done.set()
    status, fields, _ = await peer.answer()

    assert (status, fields["connection"]) == (200, "close")


@pytest.mark.parametrize(
    ("request_line", "answered"),
    [
        pytest.param(b"GET /busy HTTP/1.1\r\nNo-Host: here\r\n\r\n", 400, id="by the protocol"),
        pytest.param(b"GET /%6civez HTTP/1.1\r\nHost: test\r\n\r\n", 404, id="as a probe, which takes no place"),
    ],
)
async def test_what_was_left_unread_and_runs_in_no_place_gives_it_back(
    patient: Busy, request_line: bytes, answered: int
) -> None:
    await occupied(patient)
    peer = await asking(patient, request_line)
    await patient.until(lambda: patient.in_line == 1)
    patient.done.set()
    status, _, _ = await peer.answer()

    assert status == answered
    await patient.until(lambda: patient.free)


@pytest.mark.parametrize(
    "second",
    [pytest.param(GET + b"\r\n", id="unread"), pytest.param((GET + b"\r\n") * 2, id="as parsed heads")],
)
async def test_who_is_let_in_by_another_request_inherits_nothing_of_it(patient: Busy, second: bytes) -> None:
    first = await occupied(patient)
    peer = await asking(patient, second)
    await patient.until(lambda: patient.in_line == 1)
    patient.done.set()
    await first.answer()
    for _ in range(second.count(b"GET")):
        await peer.answer()

    assert set(patient.inherited) == {""}


async def test_who_asks_on_and_on_and_reads_no_refusal_is_hung_up_on(patient: Busy) -> None:
    await occupied(patient)
    line = [await asking(patient) for _ in range(IN_LINE_PER_PLACE)]
    await patient.until(lambda: patient.in_line == IN_LINE_PER_PLACE)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the less is buffered on the way, the sooner
        deaf.connect((LOCALHOST, patient.port))
        deaf.setblocking(False)
        with pytest.raises(ConnectionError):
            await _asked_for_ever(deaf)

    assert patient.in_line == len(line), "nobody else was"


async def _asked_for_ever(deaf: socket.socket) -> None:
    async with asyncio.timeout(30):
        while True:
            await asyncio.get_running_loop().sock_sendall(deaf, (GET + b"\r\n") * 20)
            await asyncio.sleep(0)
