"""Files that only use names from the list, and still mean harm: by arguments, by state, or by being read twice."""

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from mlship.sources.joblib import JoblibSource

TEMPLATE = """
def _parse_args(self,  loc=0, scale=1):
    return (), loc, scale

def _parse_args_rvs(self,  loc=0, scale=1, size=None):
    return self._argcheck_rvs( loc, scale, size=size)

def _parse_args_stats(self,  loc=0, scale=1, moments='mv'):
    return (), loc, scale, moments
"""
FLAGS = (3, "|", None, None, None, -1, -1)


@pytest.fixture
def words(asm: SimpleNamespace) -> SimpleNamespace:
    """The assembler, and names that are on the list."""
    names = {
        "svc": ("sklearn.svm._classes", "SVC"),
        "ndarray": ("numpy", "ndarray"),
        "dtype": ("numpy", "dtype"),
        "wrapper": ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        "uniform": ("scipy.stats._continuous_distns", "uniform_gen"),
        "ordered": ("collections", "OrderedDict"),
        "rebuild": ("numpy._core.multiarray", "_reconstruct"),
        "index": ("pandas.core.indexes.base", "_new_Index"),
        "new_obj": ("sklearn.neighbors._kd_tree", "newObj"),
        "reconstructor": ("copyreg", "_reconstructor"),
        "object": ("builtins", "object"),
        "bunch": ("sklearn.utils._bunch", "Bunch"),
        "partial": ("functools", "partial"),
        "check": ("sklearn.utils.validation", "check_array"),
        "accuracy": ("sklearn.metrics._classification", "accuracy_score"),
        "memmap": ("numpy", "memmap"),
        "getattr": ("builtins", "getattr"),
    }
    return SimpleNamespace(**vars(asm), **{word: asm.named(*pair) for word, pair in names.items()})


def _dtype(w: Any, code: str = "f8", state: tuple[Any, ...] = (3, "<", None, None, None, -1, -1, 0)) -> bytes:
    return bytes(w.build(w.call(w.dtype, code, False, True), w.tuple(*state)))


def _array(w: Any, **changes: Any) -> bytes:
    given = {"subclass": w.ndarray, "shape": (1,), "order": "C", "dtype": _dtype(w), "allow_mmap": True}
    return bytes(w.dict(given | {"numpy_array_alignment_bytes": 16} | changes))


# --- code that a library runs out of a state


@pytest.mark.parametrize("template", ["raise SystemExit", TEMPLATE + "\nraise SystemExit", TEMPLATE[:-1], 7, None])
def test_scipy_would_run_the_text_of_a_distribution(words, refused, template: Any) -> None:
    state = words.dict({"_parse_arg_template": template})
    assert "scipy.stats" in refused(words.dump(words.build(words.new(words.uniform), state)))


def test_that_trick_is_live(words, tmp_path) -> None:
    code = f"open({str(tmp_path / 'marker')!r}, 'w').close()"
    state = words.dict({"_parse_arg_template": code})
    with pytest.raises(KeyError):
        pickle.loads(words.dump(words.build(words.new(words.uniform), state)))
    assert (tmp_path / "marker").exists()


def test_the_template_that_scipy_writes_passes(words, inspect) -> None:
    state = words.dict({"_parse_arg_template": TEMPLATE})
    inspection = inspect(
        words.dump(words.build(words.new(words.svc), words.dict({"a": words.build(words.new(words.uniform), state)})))
    )
    assert inspection.untrusted == ()


@pytest.mark.parametrize("maker", ["new_obj", "reconstructor", "index"])
def test_however_the_distribution_is_made(words, stopped, maker: str) -> None:
    arguments = {"new_obj": (), "reconstructor": (words.object, None), "index": (words.dict({}),)}[maker]
    instance = words.call(getattr(words, maker), words.uniform, *arguments)
    stopped(words.dump(words.build(instance, words.dict({"_parse_arg_template": "raise SystemExit"}))))


@pytest.mark.parametrize(
    "key", ["__class__", "__setstate__", "__dict__", "__array_interface__", "__array__", "__reduce__"]
)
def test_special_attributes_are_refused(words, refused, key: str) -> None:
    state = words.dict({key: words.uniform})
    assert "special attribute" in refused(words.dump(words.build(words.new(words.svc), state)))
    slots = words.tuple(None, state)
    assert "special attribute" in refused(words.dump(words.build(words.new(words.svc), slots)))
    bunch = words.new(words.bunch) + b"(" + words.text(key) + b"K\x01u"
    assert "special attribute" in refused(words.dump(bunch))


def test_a_computed_state_is_refused(words, refused) -> None:
    state = words.call(words.ordered, words.list(words.tuple("__class__", words.svc)))
    refused(words.dump(words.build(words.new(words.svc), state)))
    refused(words.dump(words.build(words.new(words.svc), words.tuple(None, state))))


def test_a_computed_key_is_refused(words, refused) -> None:
    key = words.call(words.named("numpy._core.multiarray", "scalar"), _dtype(words, "U2"), b"C\x00")
    state = b"(" + key + b"K\x01d"
    refused(words.dump(words.build(words.new(words.svc), state)))


# --- names that may be held, but not called


@pytest.mark.parametrize("name", ["accuracy", "memmap", "check", "svc"])
def test_a_name_that_may_be_held_is_not_called_with_arguments(words, stopped, name: str) -> None:
    stopped(words.dump(words.call(getattr(words, name), "/tmp/file", "u1", "w+")))


def test_partial_binds_only_what_scikit_learn_binds(words, stopped, inspect) -> None:
    stopped(words.dump(words.call(words.partial, words.memmap)))
    stopped(words.dump(words.call(words.partial, words.named("os", "system"))))
    bound = words.call(words.partial, words.check)
    same = words.build(bound, words.tuple(words.check, (), {}, None))
    held = words.build(words.new(words.svc), words.dict({"func": same}))
    assert inspect(words.dump(held)).untrusted == ()


def test_partial_is_not_made_to_call_something_else(words, refused) -> None:
    bound = words.call(words.partial, words.check)
    refused(words.dump(words.build(bound, words.tuple(words.memmap, (), {}, None))))


def test_getattr_is_followed_to_the_name_that_it_reads(words, stopped) -> None:
    assert "sklearn.svm._classes.SVC.fit" in stopped(words.dump(words.call(words.getattr, words.svc, "fit")))


def test_getattr_of_an_instance_or_held_as_a_value_is_reported(words, stopped) -> None:
    assert "builtins.getattr" in stopped(words.dump(words.call(words.getattr, words.new(words.svc), "fit")))
    held = words.build(words.new(words.svc), words.dict({"func": words.getattr}))
    assert "builtins.getattr" in stopped(words.dump(held))


def test_state_of_a_method_is_refused(words, refused) -> None:
    instance = words.build(words.new(words.uniform), words.dict({"_parse_arg_template": TEMPLATE}))
    method = words.call(words.getattr, instance, "_entropy")
    refused(words.dump(words.build(method, words.dict({"a": 1}))))


# --- pointers made out of bytes


def test_an_array_over_bytes_is_refused(words, refused) -> None:
    refused(words.dump(words.call(words.ndarray, (1,), _dtype(words), b"C\x08" + bytes(8))))
    refused(words.dump(words.call(words.index, words.ndarray, words.dict({"shape": (1,)}))))
    refused(words.dump(words.call(words.new_obj, words.dtype)))


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("O8", (*FLAGS, 0)),
        ("O8", (*FLAGS, 62)),
        ("f8", (*FLAGS, 63)),
        ("O8", (3, "|", None, None, None, 8, 1, 63)),
        ("V8", (3, "|", None, ("x",), {"x": 1}, 8, 1, 16)),
        ("V8", (3, "|", None, ("x",), None, 8, 1, 16)),
        ("V8", (3, "|", None, None, None, -8, 1, 0)),
        ("V8", (3, "|", None, None, None, 4, 1, 0)),
        ("U2", (3, "<", None, None, None, 2, 1, 8)),
        ("f3", (*FLAGS, 0)),
        ("X8", (*FLAGS, 0)),
        ("f8", (3, "<")),
    ],
)
def test_a_dtype_that_lies_is_refused(words, refused, code: str, state: tuple[Any, ...]) -> None:
    assert "dtype" in refused(words.dump(_dtype(words, code, state)))


def test_a_structured_dtype_keeps_inside_of_itself(words, refused) -> None:
    for offset, field in ((4, _dtype(words)), (-1, _dtype(words)), (0, _dtype(words, "O8", (*FLAGS, 63)))):
        fields = words.dict({"x": words.tuple(field, offset)})
        refused(words.dump(_dtype(words, "V8", (3, "|", None, ("x",), fields, 8, 1, 16))))


def test_a_dtype_is_not_changed_after_it_was_checked(words, refused) -> None:
    fields = words.dict({"x": words.tuple(_dtype(words), 0)}) + b"\x94"
    built = _dtype(words, "V8", (3, "|", None, ("x",), fields, 8, 1, 16))
    refused(words.dump(built, b"h\x00", words.text("y"), words.tuple(_dtype(words), 0), b"s"))
    refused(words.dump(words.build(_dtype(words), words.tuple(*FLAGS, 0))))


# --- bytes that the loader would read differently


def test_only_joblib_makes_its_wrapper(words, refused) -> None:
    for instance in (
        words.call(words.new_obj, words.wrapper),
        words.call(words.wrapper, words.ndarray, (1,), "C", _dtype(words)),
        words.call(words.reconstructor, words.wrapper, words.svc, None),
    ):
        refused(words.dump(words.build(instance, _array(words))))


def test_the_wrapper_is_no_value(words, refused) -> None:
    hidden = words.dict({"a": words.wrapper})
    refused(words.dump(words.build(words.new(words.svc), hidden)))
    refused(words.dump(words.build(words.new(words.svc), words.tuple(None, hidden))))


def test_the_wrapper_is_read_once(words, refused) -> None:
    padding = b"\x00" + bytes(8)
    once = words.new(words.wrapper) + b"\x94" + _array(words) + b"b" + padding
    refused(words.dump(once, b"0h\x00", _array(words), b"b", padding))


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (-1,)},
        {"shape": [1]},
        {"shape": (1.0,)},
        {"shape": (True,)},
        {"dtype": "f8"},
        {"order": None},
        {"subclass": None},
        {"numpy_array_alignment_bytes": "16"},
        {"read": 1},
    ],
)
def test_a_wrapper_that_joblib_would_not_write_is_refused(words, refused, changes: dict[str, Any]) -> None:
    refused(words.dump(words.build(words.new(words.wrapper), _array(words, **changes)), bytes(64)))


def test_another_class_is_no_dtype(words, refused) -> None:
    fake = words.build(words.call(words.svc, "f8", False, True), words.tuple(*FLAGS, 0))
    refused(words.dump(words.build(words.new(words.wrapper), _array(words, dtype=fake)), bytes(64)))


def test_sizes_that_numpy_would_wrap_around_are_not_believed(words, stopped) -> None:
    state = _array(words, shape=(2**32, 2**32))
    assert "ends too early" in stopped(words.dump(words.build(words.new(words.wrapper), state), bytes(64)))


def test_an_array_in_the_middle_of_a_frame_is_refused(words, refused) -> None:
    """joblib reads the array behind the frame, and goes on in the frame: the payload hides in what looks like data."""
    content = words.build(words.new(words.wrapper), _array(words))
    framed = content + b"\x00" + bytes(8) + b"."
    refused(b"\x80\x04\x95" + len(framed).to_bytes(8, "little") + framed)


def test_an_instruction_over_the_end_of_a_frame_is_refused(refused, words) -> None:
    refused(b"\x80\x04\x95" + (2).to_bytes(8, "little") + words.text("abc") + b".")


def test_a_frame_in_a_frame_is_refused(refused) -> None:
    refused(b"\x80\x04\x95" + (20).to_bytes(8, "little") + b"\x95" + bytes(8) + b"N." + bytes(20))


def test_a_pickle_that_ends_before_its_frame_is_refused(refused) -> None:
    refused(b"\x80\x04\x95" + (20).to_bytes(8, "little") + b"N." + bytes(20))


def test_an_object_array_holds_no_further_arrays(words, refused) -> None:
    objects = _array(words, dtype=_dtype(words, "O8", (*FLAGS, 63)))
    nested = words.dump(words.build(words.new(words.wrapper), _array(words)))
    refused(words.dump(words.build(words.new(words.wrapper), objects), nested))


def test_these_files_are_well_formed_where_they_are_harmless(words, inspect, tmp_path) -> None:
    array = words.build(words.new(words.wrapper), _array(words)) + b"\x00" + bytes(8)
    content = words.dump(words.build(words.new(words.svc), b"(" + words.text("support_") + array + b"d"))
    assert inspect(content).untrusted == ()
    (tmp_path / "model.joblib").write_bytes(content)
    assert JoblibSource().load(tmp_path / "model.joblib").support_.tolist() == [0.0]
