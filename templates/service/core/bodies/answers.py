"""Answers in the media type that the client asks for: JSON, .npy, CSV or Arrow.

Source: RFC 9110, section 12.5.1 (Accept).
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from core.bodies import csv as csv_body
from core.bodies import npy
from core.bodies.encode import Encoder
from core.http import JSON
from core.problems import invalid
from core.runtime.signature import Output

NPY = "application/x-npy"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"

#: Tables take a package that not everybody needs. It is loaded with the first of them: it takes 0.1 s, and memory.
ARROW_AVAILABLE = find_spec("pyarrow") is not None

#: What an answer can be; of those that a client likes as well, the first.
TYPES = (JSON, NPY, CSV, ARROW) if ARROW_AVAILABLE else (JSON, NPY, CSV)

# What nearly all clients send, so that it needs no reading.
_ANYTHING = {b"", b"*/*", b"application/json"}


def preferred(headers: Mapping[bytes, bytes], offered: Sequence[str] = TYPES) -> str | None:
    """Return the type among ``offered`` that the header Accept prefers, None where it excludes all.

    The first one is for those who like all. A type that is named counts for more than one that a wildcard allows.
    """
    accept = headers.get(b"accept", b"")
    if accept in _ANYTHING:
        return offered[0]
    ranges = dict(_range(part) for part in accept.decode("latin-1").lower().split(",") if part.strip())
    if not ranges:
        return offered[0]
    quality, _, _, best = max((*_liking(offer, ranges), -position, offer) for position, offer in enumerate(offered))
    return best if quality > 0 else None


def media_type(headers: Mapping[bytes, bytes], offered: Sequence[str] = TYPES) -> str:
    """Return what ``preferred`` does; raises InvalidRequestError (406) where the header Accept excludes all."""
    found = preferred(headers, offered)
    if found is None:
        told = f"the answer can be {', '.join(offered)}"
        raise invalid(("header", "accept"), told, "not_acceptable", status=406)
    return found


def _range(part: str) -> tuple[str, float]:
    """Return the media range and its weight; one that cannot be read is left out of account."""
    name, *parameters = (piece.strip() for piece in part.split(";"))
    weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        quality = float(weight)
    except ValueError:
        quality = 1.0
    return ("*/*" if name == "*" else name), quality if 0 <= quality <= 1 else 1.0


def _liking(offer: str, ranges: Mapping[str, float]) -> tuple[float, int]:
    """Return the weight of a type, and how exactly it is named: the most exact range decides."""
    for exact, name in ((2, offer), (1, f"{offer.partition('/')[0]}/*"), (0, "*/*")):
        if name in ranges:
            return ranges[name], exact
    return 0.0, 0


class Writer:
    """Writes answers of one model."""

    def __init__(self, encoder: Encoder, outputs: Sequence[Output]) -> None:
        self._encoder = encoder
        self._labels: dict[str, Sequence[Any] | None] = {output.name: output.classes for output in outputs}

    def one(self, outputs: Sequence[str]) -> str:
        """Return the output that a .npy file holds: the one that is asked for, else the usual one.

        Raises InvalidRequestError (406) where several are asked for: a file holds one array.
        """
        if len(outputs) > 2:
            told = "a .npy file holds one array: ask for one output"
            raise invalid(("query", "outputs"), told, "not_acceptable", status=406)
        return next((name for name in reversed(outputs) if name != "prediction"), outputs[0])

    def write(self, arrays: Mapping[str, Any], kind: str) -> bytes:
        """Return ``arrays``, by output name, in the media type ``kind``."""
        if kind == JSON:
            return self._encoder.encode(arrays)
        values = self._encoder.values(arrays)
        if kind == NPY:
            return npy.write(np.asarray(values[self.one(list(values))]))
        if kind == CSV:
            return csv_body.write(columns(values, self._labels), header=True)
        from core.bodies import arrow  # noqa: PLC0415  # see ARROW_AVAILABLE

        return arrow.write(values)


def columns(values: Mapping[str, Any], labels: Mapping[str, Sequence[Any] | None]) -> dict[str, Sequence[Any]]:
    """Return one list a column: "prediction", and "probabilities.no", "probabilities.yes" for an output of some width.

    ``labels`` are those of the columns of such an output, their numbers where there are none.
    """
    found: dict[str, Sequence[Any]] = {}
    for name, part in values.items():
        if isinstance(part, list) or part.ndim == 1:
            found[name] = listed(part)
            continue
        known = labels.get(name) or range(part.shape[1])
        found |= {f"{name}.{label}": listed(column) for label, column in zip(known, part.T, strict=True)}
    return found


def listed(values: Any) -> list[Any]:
    """Return a list of what is in an array, or a list; single precision is kept, so that no digits come up."""
    if isinstance(values, list):
        return values
    return list(values) if values.dtype == np.float32 else list(values.tolist())
