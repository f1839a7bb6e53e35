"""How the benchmarks of images count and compare."""

import gzip
import http.client
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.images.building import Times
from benchmarks.images.registry import counting
from benchmarks.images.sizes import site_packages, unpacked
from benchmarks.images.tables import ratios


class Taking(BaseHTTPRequestHandler):
    """Answers a body with its length."""

    def do_POST(self) -> None:
        told = str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def taking() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def _archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, size in (("lib/a.py", 700), ("lib/b.so", 50_000)):
            member = tarfile.TarInfo(name)
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    return stream.getvalue()


def test_all_bytes_that_are_sent_count_and_those_of_the_answers_do_not(taking: int) -> None:
    with counting(taking) as counter:
        for size in (1_000_000, 500):
            before = counter.sent
            connection = http.client.HTTPConnection(counter.host, timeout=10)
            connection.request("POST", "/", b"x" * size)
            assert int(connection.getresponse().read()) == size
            connection.close()
            assert size < counter.sent - before < size + 500


@pytest.mark.parametrize("layer", [_archive(), gzip.compress(_archive())], ids=["plain", "compressed"])
def test_a_layer_is_as_large_as_the_files_in_it(layer: bytes) -> None:
    assert unpacked(layer) == 50_700


def test_what_installs_is_no_part_of_what_is_installed(tmp_path: Path) -> None:
    packages = tmp_path / "peer-granian-0123456789ab" / "lib" / "python3.11" / "site-packages"
    for name in ("numpy/core.py", "pip/main.py", "setuptools-80.dist-info/METADATA"):
        (packages / name).parent.mkdir(parents=True)
        (packages / name).write_bytes(b"x" * 100)
    assert site_packages(tmp_path) == {"peer-granian": 100}


def test_a_build_time_is_held_against_that_of_its_own_round() -> None:
    taken = {("oci", "wheels"): [Times(1, 0), Times(9, 0)], ("docker", "wheels"): [Times(4, 0), Times(36, 0)]}
    assert ratios(taken, "wheels") == [0.25, 0.25]
