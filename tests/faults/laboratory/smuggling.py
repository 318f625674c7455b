"""Messages whose end two readers may find in different places, with a request hidden in the difference."""

from __future__ import annotations

from collections.abc import Iterator

from hedgerow_core.testing.servers import LOCALHOST

SMUGGLED_PATH = b"/v1/nobody/smuggled"
HOST = f"Host: {LOCALHOST}\r\n".encode()
SMUGGLED = b"GET " + SMUGGLED_PATH + b" HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /v1/users/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CHUNK = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST_CHUNK

CODINGS = {
    "plain": b"Transfer-Encoding: chunked",
    "capitals": b"TRANSFER-ENCODING: CHUNKED",
    "unknown coding": b"Transfer-Encoding: xchunked",
    "space before the colon": b"Transfer-Encoding : chunked",
    "tab": b"Transfer-Encoding:\tchunked",
    "vertical tab": b"Transfer-Encoding:\x0bchunked",
    "quoted": b'Transfer-Encoding: "chunked"',
    "underscore": b"Transfer_Encoding: chunked",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "TE.TE, the last one unknown": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "TE.TE, the first one unknown": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "identity behind it": b"Transfer-Encoding: chunked, identity",
    "identity before it": b"Transfer-Encoding: identity, chunked",
    "folded value": b"Transfer-Encoding:\r\n chunked",
    "folded into another field": b"X-Some: a\r\n Transfer-Encoding: chunked",
    "behind a bare LF": b"X-Some: a\nTransfer-Encoding: chunked",
    "behind a bare CR": b"X-Some: a\rTransfer-Encoding: chunked",
    "NUL behind it": b"Transfer-Encoding: chunked\x00",
    "empty first": b"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
}
LENGTHS = {
    "duplicate, equal": b"Content-Length: %d\r\nContent-Length: %d" % (len(SMUGGLED), len(SMUGGLED)),
    "duplicate, first 0": b"Content-Length: 0\r\nContent-Length: %d" % len(SMUGGLED),
    "duplicate, last 0": b"Content-Length: %d\r\nContent-Length: 0" % len(SMUGGLED),
    "list": b"Content-Length: 0, %d" % len(SMUGGLED),
    "plus": b"Content-Length: +%d" % len(SMUGGLED),
    "minus": b"Content-Length: -%d" % len(SMUGGLED),
    "hexadecimal": b"Content-Length: 0x%x" % len(SMUGGLED),
    "space inside": b"Content-Length: 0 %d" % len(SMUGGLED),
    "space before the colon": b"Content-Length : %d" % len(SMUGGLED),
    "folded": b"Content-Length:\r\n %d" % len(SMUGGLED),
    "behind a bare LF": b"X-Some: a\nContent-Length: %d" % len(SMUGGLED),
    "larger than any": b"Content-Length: 18446744073709551617",
}
CHUNKED = {
    "size ended by a bare LF": b"0\n\n" + SMUGGLED,
    "size with 0x": b"0x0\r\n\r\n" + SMUGGLED,
    "size that overflows": b"10000000000000000\r\n" + LAST_CHUNK + SMUGGLED,
    "negative size": b"-1\r\n" + LAST_CHUNK + SMUGGLED,
    "extension with a bare LF": b"2;a\nxx\r\n%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST_CHUNK,
    "space behind the size": b"0 \r\n\r\n" + SMUGGLED,
    "nothing behind the data": b"1\r\nx" + LAST_CHUNK + SMUGGLED,
    "trailer that is none": b"0\r\nGET " + SMUGGLED_PATH + b" HTTP/1.1\r\n\r\n",
}


def pairs() -> Iterator[tuple[str, bytes]]:
    """Every one, by a name that says what two readers could see differently."""
    for name, coding in CODINGS.items():
        body = LAST_CHUNK + SMUGGLED
        yield f"CL.TE, {name}", _message(b"Content-Length: %d\r\n" % len(body) + coding, body)
        length = b"Content-Length: %d\r\n" % (CHUNK.index(b"\n") + 1)
        yield f"TE.CL, {name}", _message(coding + b"\r\n" + length.rstrip(), CHUNK)
    for name, length in LENGTHS.items():
        yield f"CL, {name}", _message(length, SMUGGLED)
    for name, chunks in CHUNKED.items():
        yield f"chunks, {name}", _message(b"Transfer-Encoding: chunked", chunks)
    yield "body of a GET", SMUGGLED[:-2] + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
    old = _message(b"Transfer-Encoding: chunked", LAST_CHUNK + SMUGGLED).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    yield "chunked in HTTP/1.0", old
    yield "lines ended by bare LF", _message(b"Content-Length: 0", SMUGGLED).replace(b"\r\n", b"\n")


def _message(fields: bytes, body: bytes) -> bytes:
    return POST + fields + b"\r\n\r\n" + body
