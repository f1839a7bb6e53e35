"""With and without the fast path, a connection carries the same bytes: streams of requests, split at any place."""

import contextlib
import json
import random
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from mlship.serving import Running

STREAMS, SEEDS = 250, range(8)
LIMITS = {"MAX_BODY_BYTES": "3000", "API_KEYS": "key-1,key-2"}
PATIENCE = 5.0
OPEN = b"[stays open]"


@dataclass(frozen=True)
class Part:
    """Bytes to send; ``answers`` are the status lines that come back before the next part is sent.

    ``whole`` parts are sent in one piece: the server may answer and close before it has read all of them.
    """

    content: bytes
    answers: int
    whole: bool = False


def test_streams_are_answered_the_same(seed: int, addresses: Sequence[str]) -> None:
    chance = random.Random(seed)
    for number in range(STREAMS):
        parts = stream(chance)
        cuts = chance.getrandbits(32)
        plain, fast = (conversation(address, parts, cuts) for address in addresses)
        assert fast == plain, f"stream {number} of seed {seed}: {parts}"
        assert plain.startswith(b"HTTP/1.1 "), f"stream {number} of seed {seed}: {parts}"


ODD = {
    "length and chunks": b"Content-Length: 36\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 36\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 36\r\nContent-Length: 37\r\n\r\n",
    "the same length twice": b"Content-Length: 36\r\nContent-Length: 36\r\n\r\n",
    "two lengths in one": b"Content-Length: 36, 36\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "length with a sign": b"Content-Length: +36\r\n\r\n",
    "length in hex": b"Content-Length: 0x24\r\n\r\n",
    "length with an underscore": b"Content-Length: 3_6\r\n\r\n",
    "length of other digits": b"Content-Length: \xef\xbc\x93\xef\xbc\x96\r\n\r\n",
    "length beyond 64 bits": b"Content-Length: 18446744073709551652\r\n\r\n",
    "length of 5,000 digits": b"Content-Length: " + b"0" * 5000 + b"36\r\n\r\n",
    "length without a value": b"Content-Length:\r\n\r\n",
    "space before the colon": b"Content-Length : 36\r\n\r\n",
    "tab before the colon": b"Content-Length\t: 36\r\n\r\n",
    "folded line": b"X-Folded: one\r\n two\r\nContent-Length: 36\r\n\r\n",
    "folded length": b"Content-Length:\r\n 36\r\n\r\n",
    "bare LF": b"Content-Length: 36\nX: y\r\n\r\n",
    "bare LF at the end": b"Content-Length: 36\r\n\n",
    "two bare LF in a value": b"X: y\n\nContent-Length: 36\r\n\r\n",
    "bare CR": b"X: y\rContent-Length: 36\r\n\r\n",
    "CR CR LF": b"Content-Length: 36\r\r\n\r\n",
    "NUL in a value": b"X: a\0b\r\nContent-Length: 36\r\n\r\n",
    "control character in a name": b"X\x01: a\r\nContent-Length: 36\r\n\r\n",
    "no name": b": a\r\nContent-Length: 36\r\n\r\n",
    "no colon": b"nonsense\r\nContent-Length: 36\r\n\r\n",
    "chunked in capitals": b"Transfer-Encoding: CHUNKED\r\n\r\n24\r\n%b\r\n0\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked with a tab": b"Transfer-Encoding:\tchunked\r\n\r\n24\r\n%b\r\n0\r\n\r\n",
    "chunked misspelt": b"Transfer-Encoding: xchunked\r\nContent-Length: 36\r\n\r\n",
    "chunked with an underscore": b"Transfer_Encoding: chunked\r\nContent-Length: 36\r\n\r\n",
    "chunk with a sign": b"Transfer-Encoding: chunked\r\n\r\n+24\r\n%b\r\n0\r\n\r\n",
    "chunk with an extension": b"Transfer-Encoding: chunked\r\n\r\n24;a=b\r\n%b\r\n0\r\n\r\n",
    "chunk that is too long": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n%b",
    "chunk without CR": b"Transfer-Encoding: chunked\r\n\r\n24\n%b\r\n0\r\n\r\n",
    "trailer with a length": b"Transfer-Encoding: chunked\r\n\r\n24\r\n%b\r\n0\r\nContent-Length: 36\r\n\r\n",
    "header of 100 kB": b"X: " + b"y" * 100_000 + b"\r\nContent-Length: 36\r\n\r\n",
    "5,000 headers": b"X: y\r\n" * 5000 + b"Content-Length: 36\r\n\r\n",
    "connection closes and stays": b"Connection: close\r\nConnection: keep-alive\r\nContent-Length: 36\r\n\r\n",
    "connection of several words": b"Connection: keep-alive, x-request-id\r\nContent-Length: 36\r\n\r\n",
}
LINES = {
    "lower case method": b"post /predict HTTP/1.1",
    "two spaces": b"POST  /predict HTTP/1.1",
    "tab": b"POST\t/predict HTTP/1.1",
    "no version": b"POST /predict",
    "HTTP/1.2": b"POST /predict HTTP/1.2",
    "HTTP/2.0": b"POST /predict HTTP/2.0",
    "space at the end": b"POST /predict HTTP/1.1 ",
    "space in front": b" POST /predict HTTP/1.1",
    "empty lines in front": b"\r\n\r\nPOST /predict HTTP/1.1",
    "absolute": b"POST http://localhost/predict HTTP/1.1",
    "absolute, of another": b"POST http://evil.example/predict HTTP/1.1",
    "two slashes": b"POST //predict HTTP/1.1",
    "fragment": b"POST /predict#x HTTP/1.1",
    "path in capitals": b"POST /PREDICT HTTP/1.1",
    "path of 100 kB": b"POST /predict/" + b"x" * 100_000 + b" HTTP/1.1",
    "query of 100 kB": b"POST /predict?x=" + b"x" * 100_000 + b" HTTP/1.1",
    "byte above 127": b"POST /predict\xff HTTP/1.1",
    "percent-encoded": b"POST /%70redict HTTP/1.1",
    "up and down": b"POST /x/../predict HTTP/1.1",
    "star": b"POST * HTTP/1.1",
    "connect": b"CONNECT localhost:80 HTTP/1.1",
}
GOOD = b'{"features": [[5.1,3.5,1.4,0.2]]   }'
HOST = b"Host: localhost\r\nX-API-Key: key-1\r\nX-Request-ID: odd\r\n"
BEHIND = b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("split", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("headers", ODD.values(), ids=ODD.keys())
def test_odd_headers_get_the_same_answer(headers: bytes, split: bool, addresses: Sequence[str]) -> None:
    head = b"POST /predict HTTP/1.1\r\n" + HOST + headers
    odd(head.replace(b"%b", GOOD) if b"%b" in head else head + GOOD, addresses, split)


@pytest.mark.parametrize("split", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_odd_request_lines_get_the_same_answer(line: bytes, split: bool, addresses: Sequence[str]) -> None:
    odd(line + b"\r\n" + HOST + b"Content-Length: 36\r\n\r\n" + GOOD, addresses, split)


def odd(content: bytes, addresses: Sequence[str], split: bool) -> None:
    assert len(GOOD) == 36
    parts = [Part(request(b"before"), 1), Part(content + BEHIND, 99, whole=not split)]
    plain, fast = (conversation(address, parts, cuts=1, patience=0.3) for address in addresses)
    assert fast == plain


@pytest.fixture(params=["asgi", "fastapi"])
def addresses(request: pytest.FixtureRequest, start: Callable[..., Running]) -> Sequence[str]:
    """Return the addresses of two servers of a framework: without the fast path, and with it."""
    services = [start("numeric", request.param, FAST_PATH=fast, **LIMITS) for fast in "01"]
    return [urlsplit(service.url).netloc for service in services]


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def conversation(address: str, parts: Sequence[Part], cuts: int, patience: float = PATIENCE) -> bytes:
    """Send parts, each cut somewhere, and return all that came back until the server closed, without what must differ.

    A server that does not close within ``patience`` seconds is marked at the end. One may close while pieces are on
    their way: what it has answered can be read all the same.
    """
    host, _, port = address.partition(":")
    chance = random.Random(cuts)
    received = b""
    with socket.create_connection((host, int(port)), timeout=patience) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        expected = 0
        for part in parts:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                for piece in pieces(part, chance):
                    connection.sendall(piece)
            expected += part.answers
            while len(re.findall(rb"HTTP/1\.1 \d{3} ", received)) < expected or part is parts[-1]:
                more = receive(connection)
                received += more
                if not more or more.endswith(OPEN):
                    return masked(received)
    return masked(received)


def receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except TimeoutError:
        return OPEN
    except ConnectionResetError:
        return b""


def pieces(part: Part, chance: random.Random) -> list[bytes]:
    content = part.content
    if part.whole or chance.random() < 0.4:
        return [content]
    if len(content) < 300 and chance.random() < 0.1:
        return [content[at : at + 1] for at in range(len(content))]
    cuts = sorted(chance.randrange(len(content)) for _ in range(chance.randint(1, 4)))
    cut = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    return [piece for piece in cut if piece]


def masked(received: bytes) -> bytes:
    without = re.sub(rb"date: [^\r]*\r\n", b"", received)
    return re.sub(rb"x-request-id: [0-9a-f]{12}-[0-9a-f]+\r\n", b"x-request-id: own\r\n", without)


def stream(chance: random.Random) -> list[Part]:
    """Return requests in several parts; the last one closes the connection."""
    parts = []
    for _ in range(chance.randint(0, 3)):
        requests = [any_request(chance) for _ in range(chance.choice((1, 1, 1, 2, 5)))]
        parts.append(Part(b"".join(content for content, _ in requests), sum(answers for _, answers in requests)))
    return [*parts, chance.choice(LAST)(chance)]


def any_request(chance: random.Random) -> tuple[bytes, int]:
    """Return a request, and how many status lines answer it."""
    name = f"{chance.getrandbits(40):x}".encode()
    if chance.random() < 0.6:
        return usual(name, chance), 1
    return chance.choice(UNUSUAL)(name)


def usual(name: bytes, chance: random.Random) -> bytes:
    extra = b"".join(chance.sample(HEADERS, chance.choice((0, 0, 1, 3))))
    path = chance.choice((b"/predict",) * 6 + PATHS)
    return request(name, body(chance), path, extra, chance.choice((b"Content-Type: application/json\r\n",) * 3 + TYPES))


def request(
    name: bytes,
    content: bytes = GOOD,
    path: bytes = b"/predict",
    extra: bytes = b"",
    kind: bytes = b"",
    key: str = "key-1",
) -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %b\r\nX-Request-ID: %b\r\n%b%bContent-Length: %d\r\n\r\n"
    return head % (path, key.encode(), name, kind, extra, len(content)) + content


def body(chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return chance.choice(WRONG)
    rows = [[round(chance.uniform(0.1, 8), 1) for _ in range(4)] for _ in range(chance.choice((1, 1, 1, 2, 20)))]
    return json.dumps({"features": rows}).encode()


PATHS = (
    b"/predict?outputs=probabilities",
    b"/predict?outputs=nothing",
    b"/predict?outputs=all&x=%FF",
    b"/predict/",
    b"/nothing",
    b"/info",
    b"/invocations",
    b"/v2/models/nothing/infer",
)
TYPES = (
    b"",
    b"Content-Type: application/json; charset=utf-8\r\n",
    b"content-type: Application/JSON\r\n",
    b"Content-Type: application/x-www-form-urlencoded\r\n",
    b"Content-Type: text/plain\r\n",
    b"Content-Type: text/csv\r\n",
    b"Content-Type: application/x-npy\r\n",
)
HEADERS = (
    b"Accept: */*\r\n",
    b"Accept: text/csv\r\n",
    b"Accept: image/png\r\n",
    b"Accept: application/x-npy, application/json;q=0.5\r\n",
    b"Accept-Encoding: gzip\r\n",
    b"Authorization: Bearer key-2\r\n",
    b"Authorization: Basic nonsense\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: Keep-Alive\r\n",
    b"Content-Encoding: identity\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Cookie: a=b; c=d\r\n",
    b"Origin: https://example.com\r\n",
    b"User-Agent: caf\xe9\r\n",
    b"X-Forwarded-For: 203.0.113.7\r\n",
    b"X-Outputs: probabilities\r\n",
    b"X-Outputs: \xff\r\n",
    b"X-API-Key: wrong\r\n",
    b"X-Empty:\r\n",
)
WRONG = (
    b"nonsense",
    b"\xff\xfe",
    b"[]",
    b'{"features": []}',
    b'{"features": [[1,2,3]]}',
    b'{"features": [[1,2,3,"4"]]}',
    b'{"features": [[1,2,3,NaN]]}',
    b'{"features": [[1,2,3,4]], "features": [[1,2,3,4]]}',
    b'{"records": [{"a": 1}]}',
    b"1,2,3,4\n",
)
UNUSUAL: tuple[Callable[[bytes], tuple[bytes, int]], ...] = (
    lambda name: (b"GET /livez HTTP/1.1\r\nX-Request-ID: %b\r\n\r\n" % name, 1),
    lambda name: (b"HEAD /livez HTTP/1.1\r\nX-Request-ID: %b\r\n\r\n" % name, 1),
    lambda name: (b"GET /predict HTTP/1.1\r\nX-API-Key: key-1\r\nX-Request-ID: %b\r\n\r\n" % name, 1),
    lambda name: (b"OPTIONS /predict HTTP/1.1\r\nX-API-Key: key-1\r\nX-Request-ID: %b\r\n\r\n" % name, 1),
    lambda name: (b"DELETE /nothing HTTP/1.1\r\nX-API-Key: key-1\r\nX-Request-ID: %b\r\n\r\n" % name, 1),
    lambda name: (request(name, key="wrong"), 1),
    lambda name: (request(name, b""), 1),
    lambda name: (request(name, b'{"features": [' + b"[5.1,3.5,1.4,0.2]," * 120 + b"[1,2,3,4]]}"), 1),
    lambda name: (b"POST /predict HTTP/1.1\r\nX-API-Key: key-1\r\nX-Request-ID: %b\r\n\r\n" % name, 1),
    lambda name: (request(name, extra=b"Expect: 100-continue\r\n"), 2),
    lambda name: (chunked(name), 1),
    # the answer has a request id of the server's own
    lambda _: (request(b"not a word"), 1),
    lambda _: (b"POST /predict HTTP/1.1\r\nX-API-Key: key-1\r\nContent-Length: 36\r\n\r\n" + GOOD, 1),
)


def chunked(name: bytes) -> bytes:
    head = (
        b"POST /predict HTTP/1.1\r\nX-API-Key: key-1\r\nX-Request-ID: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % name
    )
    return head + b"10\r\n%b\r\n14\r\n%b\r\n0\r\n\r\n" % (GOOD[:16], GOOD[16:])


LAST: tuple[Callable[[random.Random], Part], ...] = (
    lambda _: Part(request(b"last", extra=b"Connection: close\r\n"), 1),
    lambda _: Part(request(b"last", extra=b"Connection: close\r\n") + request(b"behind"), 1, whole=True),
    lambda chance: Part(usual(b"first", chance) + request(b"last", extra=b"Connection: close\r\n"), 2),
    lambda _: Part(b"GET /livez HTTP/1.0\r\nX-Request-ID: last\r\n\r\n", 1),
    lambda _: Part(request(b"last").replace(b"HTTP/1.1", b"HTTP/1.0"), 1),
    lambda _: Part(request(b"last", b'{"features": [[' + b"5" * 4000 + b"]]}"), 1, whole=True),
    lambda _: Part(b"nonsense\r\n\r\n", 1, whole=True),
)
