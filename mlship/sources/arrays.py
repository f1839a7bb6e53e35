"""Skip the arrays that joblib writes between the instructions of a pickle.

Format: joblib/numpy_pickle.py, NumpyArrayWrapper.write_array: an object array is a pickle of its own; any other is its
bytes, after one byte that says how much padding follows (since joblib 1.2).
"""

from collections.abc import Callable

from mlship.sources.dtypes import layout
from mlship.sources.nodes import Array, Global, Node, Pairs
from mlship.sources.streams import DamagedError, RefusedError, Stream

_KEYS = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}


def read_array(stream: Stream, state: Pairs, nested_pickle: Callable[[], Node]) -> Array:
    """Move ``stream`` behind the array whose wrapper has ``state``.

    Raises DamagedError when the bytes are not there, RefusedError when the wrapper is not as joblib writes it.
    """
    attributes = {key: value for key, value in state.items if type(key) is str and key in _KEYS}
    shape, alignment = attributes.get("shape", ()), attributes.get("numpy_array_alignment_bytes")
    valid = (
        len(attributes) == len(state.items)
        and "shape" in attributes
        and isinstance(shape, tuple)
        and all(type(length) is int and length >= 0 for length in shape)
        and (alignment is None or type(alignment) is int)
        and type(attributes.get("subclass")) is Global
        and type(attributes.get("order")) is str
    )
    if not valid:
        raise RefusedError("it describes an array in a way that joblib does not")
    element = layout(attributes.get("dtype"))
    if element.objects:
        return Array(shape, nested_pickle())
    if alignment is not None:
        padding = stream.read(1)
        if not padding:
            raise DamagedError("it ends too early")
        stream.skip(padding[0])
    size = element.size
    for length in shape:
        size *= length
    stream.skip(size)
    return Array(shape)
