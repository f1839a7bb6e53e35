import gzip
import io
import random
import zlib

import pytest

from mlship.images.files.packing import Gzip

#: Of several blocks, the last not whole; some of it can be packed, some cannot.
CONTENT = b"".join(random.Random(7).randbytes(70_000) + b"x" * 70_000 for _ in range(25)) + b"the end"


def packed(content: bytes, piece: int = 10_000, threads: int | None = None) -> bytes:
    target = io.BytesIO()
    with Gzip(target, threads) as stream:
        for at in range(0, len(content), piece):
            stream.write(content[at : at + piece])
    return target.getvalue()


@pytest.mark.parametrize("content", [b"", b"a", CONTENT, CONTENT[: 1 << 20]], ids=["none", "a byte", "blocks", "one"])
def test_what_is_packed_is_unpacked_again(content: bytes) -> None:
    assert gzip.decompress(packed(content)) == content


def test_one_thread_packs_as_several_do() -> None:
    assert packed(CONTENT, threads=1) == packed(CONTENT, threads=5)


def test_how_it_comes_does_not_matter() -> None:
    assert packed(CONTENT, piece=777) == packed(CONTENT, piece=5 << 20)


def test_it_is_one_member_for_tools_that_read_no_second() -> None:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert reader.decompress(packed(CONTENT)) == CONTENT
    assert reader.eof
    assert reader.unused_data == b""


def test_blocks_cost_little() -> None:
    text = b" ".join(b"%d" % (number * number) for number in range(600_000))
    assert len(packed(text)) < 1.01 * len(gzip.compress(text, 2))


def fail(target: io.BytesIO) -> None:
    with Gzip(target) as stream:
        stream.write(CONTENT)
        raise OSError("the source")


def test_what_is_not_written_to_its_end_is_not_whole() -> None:
    target = io.BytesIO()
    with pytest.raises(OSError, match="the source"):
        fail(target)
    with pytest.raises(EOFError):
        gzip.decompress(target.getvalue())


def test_a_target_that_takes_no_more_ends_it() -> None:
    class Full(io.BytesIO):
        def write(self, content: object) -> int:
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"), Gzip(Full()):
        pass
