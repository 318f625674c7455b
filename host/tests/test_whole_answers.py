"""The head of an answer leaves with its body, and what a reader may be waiting for is never held back."""

from __future__ import annotations

import asyncio

from hedgerow_host.whole_answers import WholeAnswer

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
HEAD_OF_A_STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Line(asyncio.Transport):
    """Remembers what was written at once, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.packets.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_head_and_body_are_one_packet() -> None:
    line = Line()
    answer = WholeAnswer(line)

    answer.write(HEAD)
    answer.write(b"body")

    assert line.packets == [HEAD + b"body"]


def test_an_answer_without_a_body_leaves_with_its_end() -> None:
    line = Line()
    answer = WholeAnswer(line)

    answer.write(HEAD)
    answer.write(b"")

    assert line.packets == [HEAD]


def test_the_head_of_a_stream_leaves_at_once() -> None:
    line = Line()
    answer = WholeAnswer(line)

    answer.write(HEAD_OF_A_STREAM)
    assert line.packets == [HEAD_OF_A_STREAM]

    answer.write(b"first")
    assert line.packets == [HEAD_OF_A_STREAM, b"first"]


def test_what_follows_the_first_part_is_written_as_it_comes() -> None:
    line = Line()
    answer = WholeAnswer(line)

    for part in (HEAD, b"bo", b"dy"):
        answer.write(part)

    assert line.packets == [HEAD + b"bo", b"dy"]


def test_an_answer_that_breaks_off_has_sent_its_head() -> None:
    line = Line()
    answer = WholeAnswer(line)

    answer.write(HEAD)
    answer.close()

    assert line.packets == [HEAD]
    assert line.closed


def test_nobody_is_written_to_who_has_hung_up() -> None:
    line = Line()
    answer = WholeAnswer(line)

    answer.write(HEAD)
    line.close()
    answer.write(b"body")
    answer.close()

    assert line.packets == []
