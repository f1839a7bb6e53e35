"""Names that a model has no business with are found, wherever and however a file brings them in."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

NAMES = Path(__file__).with_name("malicious_names.txt").read_text().split()

DOTTED = [
    ("sklearn", "os.system"),
    ("sklearn", "utils.os.system"),
    ("sklearn.svm", "SVC.__init__.__globals__"),
    ("sklearn.svm._classes", "SVC.fit.__code__"),
    ("numpy", "f2py.os.system"),
    ("numpy", "core.multiarray.__dict__"),
    ("numpy", ""),
    ("", "numpy.dtype"),
    ("sklearn.svm", "_classes.SVC"),
    ("sklearn.svm._classes.SVC", ""),
    ("sklearn svm", "SVC"),
]

#: Ways to call os.system with a text.
WAYS = [
    pytest.param(lambda text: b"(V%b\nios\nsystem\n" % text, id="INST"),
    pytest.param(lambda text: b"(cos\nsystem\nV%b\no" % text, id="OBJ"),
    pytest.param(lambda text: b"cos\nsystem\n(V%b\nt\x81" % text, id="NEWOBJ"),
    pytest.param(lambda text: b"cos\nsystem\n(V%b\nt}\x92" % text, id="NEWOBJ_EX"),
    pytest.param(lambda text: b"cos\nsystem\n(V%b\ntR" % text, id="REDUCE"),
    pytest.param(lambda text: b"cos\nsystem\nV%b\n\x85R" % text, id="REDUCE, TUPLE1"),
    pytest.param(lambda text: b"Vos\n\x94Vsystem\n\x940h\x00h\x01\x93V%b\n\x85R" % text, id="STACK_GLOBAL, memo"),
    pytest.param(lambda text: b"Vos\np7\n0Vsystem\nq\x090g7\nh\x09\x93V%b\n\x85R" % text, id="PUT, GET, BINPUT"),
    pytest.param(lambda text: b"N0(1Vos\n2\x940Vsystem\n\x93V%b\n\x85R" % text, id="POP_MARK, DUP"),
    pytest.param(lambda text: b"\x8c\x02os\x8c\x06system\x93V%b\n\x85R" % text, id="SHORT_BINUNICODE"),
    pytest.param(lambda text: b"S'o\\x73'\nS'system'\n\x93V%b\n\x85R" % text, id="STRING with escapes"),
    pytest.param(lambda text: b"T\x02\0\0\0osU\x06system\x93V%b\n\x85R" % text, id="BINSTRING"),
    pytest.param(lambda text: b"V\\u006fs\nVsystem\n\x93V%b\n\x85R" % text, id="UNICODE with escapes"),
    pytest.param(lambda text: b"cos\nsystem\nq\x000h\x00V%b\n\x85R" % text, id="function from the memo"),
    pytest.param(lambda text: b"cos\nsystem\nV%b\n\x85Rcsklearn.svm\nSVC\n)\x81" % text, id="below the result"),
]

COMPRESSIONS = ("zlib", "gzip", "bz2", "lzma", "xz")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_model_needs_is_reported(stopped, asm, payload: str, name: str) -> None:
    assert name in stopped(asm.dump(asm.call(_split(asm, name), payload)))


@pytest.mark.parametrize("name", NAMES[:20])
def test_inside_of_a_clean_model_too(stopped, models, payload: str, name: str) -> None:
    evil = b"c" + "\n".join(name.rsplit(".", 1)).encode() + b"\n(V" + payload.encode() + b"\ntR"
    content = pickle.dumps(models["SVC"], protocol=2)
    assert name in stopped(_into_state(content, evil))


@pytest.mark.parametrize("pair", DOTTED)
@pytest.mark.parametrize("opcode", ["GLOBAL", "STACK_GLOBAL"])
def test_a_dotted_name_is_no_way_around_the_list(
    stopped, asm, payload: str, pair: tuple[str, str], opcode: str
) -> None:
    named = asm.named(*pair) if opcode == "STACK_GLOBAL" else f"c{pair[0]}\n{pair[1]}\n".encode()
    stopped(asm.dump(asm.call(named, payload)))


@pytest.mark.parametrize("protocol", range(6))
def test_the_payload_of_a_reduce_method_is_found_in_every_protocol(stopped, payload: str, protocol: int) -> None:
    assert "posix.system" in stopped(pickle.dumps(_Evil(payload), protocol=protocol), "model.pkl")


@pytest.mark.parametrize("compression", [0, *((name, 3) for name in COMPRESSIONS)])
def test_it_is_found_through_every_compression(stopped, dumped, models, payload: str, compression: Any) -> None:
    model = pickle.loads(pickle.dumps(models["lists"]))
    model.steps[0][1].evil = _Evil(payload)
    assert "posix.system" in stopped(dumped(model, compression))


@pytest.mark.parametrize("compression", [0, *((name, 3) for name in COMPRESSIONS)])
def test_it_is_found_in_the_pickle_of_an_object_array(stopped, dumped, payload: str, compression: Any) -> None:
    array = np.array([1.0, "x", _Evil(payload)], dtype=object)
    assert "posix.system" in stopped(dumped({"coef_": array}, compression))


@pytest.mark.parametrize("instructions", WAYS)
@pytest.mark.parametrize("protocol", [b"", b"\x80\x02", b"\x80\x04"])
def test_every_way_to_call_is_followed(
    stopped, payload: str, instructions: Callable[[bytes], bytes], protocol: bytes
) -> None:
    assert "os.system" in stopped(protocol + instructions(payload.encode()) + b".")


@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param(b"\x82\x01)R", id="EXT1"),
        pytest.param(b"\x83\x01\x02)R", id="EXT2"),
        pytest.param(b"\x84\x01\x02\x03\x04)R", id="EXT4"),
        pytest.param(b"Pos.system\n", id="PERSID"),
        pytest.param(b"Vos.system\nQ", id="BINPERSID"),
        pytest.param(b"\x97", id="NEXT_BUFFER"),
        pytest.param(b"C\x01x\x98", id="READONLY_BUFFER"),
        pytest.param(b"c_codecs\nencode\nVos\nVlatin1\n\x86RVsystem\n\x93", id="a computed module"),
        pytest.param(b"c_codecs\nencode\nVos\nVrot13\n\x86R", id="another codec"),
        pytest.param(b"Vos\nK\x01\x93", id="a number as a name"),
        pytest.param(b"csklearn.svm\nSVC\n)\x81)R", id="calling an instance"),
        pytest.param(b"K\x01)R", id="calling a number"),
        pytest.param(b"ccollections\nOrderedDict\ncsklearn.svm\nSVC\n)\x81R", id="computed arguments"),
        pytest.param(b"csklearn.svm\nSVC\n}b", id="state of a class"),
        pytest.param(b"csklearn.svm\nSVC\nVa\nK\x01s", id="items of a class"),
        pytest.param(b"csklearn.svm\nSVC\nK\x01a", id="appending to a class"),
    ],
)
def test_what_cannot_be_told_is_refused(refused, instructions: bytes) -> None:
    assert "cannot be checked" in refused(b"\x80\x04" + instructions + b".")


def test_a_second_pickle_in_the_file_is_looked_at(stopped, models, payload: str) -> None:
    content = pickle.dumps(models["SVC"]) + pickle.dumps(_Evil(payload))
    assert "posix.system" in stopped(content, "model.pkl")


def test_a_file_for_two_loaders_is_no_model(stopped, dumped, models, payload: str) -> None:
    twice = joblib.compressor.zlib.compress(dumped(_Evil(payload), 3))
    assert "not a pickle" in stopped(twice)


@pytest.mark.parametrize("instructions", [way for way in WAYS if "NEWOBJ" not in str(way.id)])
def test_these_ways_are_live(tmp_path, payload: str, instructions: Callable[[bytes], bytes]) -> None:
    pickle.loads(b"\x80\x04" + instructions(payload.encode()) + b".")
    assert (tmp_path / "marker").exists()


class _Evil:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        import os

        return os.system, (self.command,)


def _split(asm: Any, name: str) -> bytes:
    return bytes(asm.named(*name.rsplit(".", 1)))


def _into_state(content: bytes, evil: bytes) -> bytes:
    """Put one more attribute into the state of a protocol 2 pickle, before it is set."""
    assert content.endswith(b"ub.")
    return content[:-3] + b"Vevil\n" + evil + b"ub."
