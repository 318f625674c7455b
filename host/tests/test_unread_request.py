"""What is left unread is what every parser would read in the same way: one request, and nothing else."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_host.patient_protocol import MAX_HEADERS
from hedgerow_host.unread_request import TELLING_FIELDS, may_be_whole, path_in, whole_request

PLAIN = b"GET /v1/users/me?x=1 HTTP/1.1\r\nHost: test\r\nX-Request-ID:  mine \r\n\r\n"
POST = b"POST /busy HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"


class Reader:
    """What the parser of the server sees in some bytes."""

    def __init__(self) -> None:
        self.url, self.body, self.messages = b"", b"", 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.rstrip(b" \t")))  # blanks around a value are none of it

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


def test_a_plain_request_is_known_for_what_it_is() -> None:
    request = whole_request(PLAIN)

    assert request is not None
    assert (request.method, path_in(PLAIN)) == ("GET", "/v1/users/me")
    assert request.headers == [(b"x-request-id", b"mine")]
    assert whole_request(POST) is not None
    assert may_be_whole(PLAIN)
    assert may_be_whole(POST)


@pytest.mark.parametrize(
    ("fields", "stays"),
    [(b"", True), (b"Connection: keep-alive\r\n", True), (b"Connection: Keep-Alive, Close\r\n", False)],
)
def test_who_says_so_goes_with_its_answer(fields: bytes, stays: bool) -> None:
    request = whole_request(PLAIN[:-2] + fields + b"\r\n")

    assert request is not None
    assert request.stays is stays


@pytest.mark.parametrize("data", [b"", b"GET", PLAIN[:-1], POST[:-1], POST + b"x", PLAIN + POST])
def test_what_is_not_whole_is_read_as_it_comes(data: bytes) -> None:
    assert not may_be_whole(data)
    assert isinstance(path_in(data), str)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN[:-1], id="not whole"),
        pytest.param(POST[:-1], id="a body on its way"),
        pytest.param(PLAIN + b"\r\n", id="something behind it"),
        pytest.param(PLAIN * 2, id="another behind it"),
        pytest.param(PLAIN.replace(b"\r\nX", b"\nX"), id="a bare line feed"),
        pytest.param(PLAIN.replace(b"\r\nX", b"\rX"), id="a bare carriage return"),
        pytest.param(PLAIN.replace(b"mine", b"\r\n mine"), id="a folded field"),
        pytest.param(PLAIN.replace(b"ID:", b"ID :"), id="a blank before the colon"),
        pytest.param(PLAIN.replace(b"mine", b"mi\0ne"), id="a zero"),
        pytest.param(PLAIN.replace(b"1.1", b"1.0"), id="another version"),
        pytest.param(PLAIN.replace(b"/v1", b"http://test/v1"), id="an absolute target"),
        pytest.param(PLAIN.replace(b"/v1", b"/ v1"), id="a blank in the target"),
        pytest.param(POST.replace(b": 4", b": +4"), id="a signed length"),
        pytest.param(POST.replace(b"Host: test", b"Content-Length: 0"), id="two lengths"),
        pytest.param(POST.replace(b"Host: test", b"Transfer-Encoding: chunked"), id="two framings"),
        pytest.param(PLAIN.replace(b"X-Request-ID", b"Upgrade"), id="an offer to switch"),
        pytest.param(POST.replace(b"Host: test", b"Expect: 100-continue"), id="who waits for a sign"),
        pytest.param(b"\r\n" + PLAIN, id="an empty line before it"),
        pytest.param(PLAIN[:-2] + b"a:\r\n" * MAX_HEADERS + b"\r\n", id="more fields than we read"),
    ],
)
def test_what_parsers_may_read_differently_is_left_to_ours(data: bytes) -> None:
    assert whole_request(data) is None


FIELDS = [
    b"Accept: */*",
    b"X-Empty:",
    b"Cookie: a=b; c=\xe9",
    b"Connection: keep-alive",
    b"ORIGIN:",
    b"X-Original: Origin: a",
    b"x-request-id:\t1 \t",
    b"x-_!#$:\t1 \t",
]
SCRAPS = [
    b"\r",
    b"\n",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\x7f",
    b"\xe9",
    b"a",
    b"Z",
    b"0",
    b"?",
    b"%",
    b"\r\n",
    b"\r\n\r\n",
]


@given(
    target=st.text("aZ09/?=&%.:@-"),
    fields=st.lists(st.sampled_from(FIELDS), max_size=4),
    body=st.binary(max_size=3),
    slipped_in=st.lists(st.tuples(st.integers(0, 150), st.sampled_from(SCRAPS)), max_size=2),
)
def test_the_server_reads_just_this_request_in_what_was_left_unread(
    target: str, fields: list[bytes], body: bytes, slipped_in: list[tuple[int, bytes]]
) -> None:
    lines = [b"GET /%b HTTP/1.1" % target.encode(), b"Host: test", *fields, b"Content-Length: %d" % len(body)]
    data = b"\r\n".join([*lines, b"", body])
    for at, scrap in slipped_in:
        data = data[: at % len(data)] + scrap + data[at % len(data) :]
    request = whole_request(data)
    if request is None:
        return
    reader = Reader()
    try:
        reader.parser.feed_data(data)
    except httptools.HttpParserError:
        assert reader.messages == 0, "refused as a whole: it was answered without being read, and never run"
        return

    assert reader.messages == 1
    assert reader.parser.get_method() == request.method.encode()
    assert httptools.parse_url(reader.url).path == path_in(data).encode()
    assert [field for field in reader.headers if field[0] in TELLING_FIELDS] == request.headers
    assert data.endswith(b"\r\n\r\n" + reader.body)
    reader.parser.feed_data(PLAIN)
    assert reader.messages == 2, "nothing was left over that would have become a part of the next one"
