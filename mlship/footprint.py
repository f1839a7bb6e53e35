"""What installed packages weigh, with all that they need."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

#: What a service needs to run an ONNX model, beside its web framework.
ONNX = ("onnxruntime", "numpy")


def installed_size(distributions: Iterable[str]) -> int:
    """Return the bytes of the files of ``distributions`` and of what they require; what is not installed weighs 0."""
    return sum(_size(name) for name in _closure(distributions))


def comparison(distributions: Iterable[str]) -> str:
    """Say in a few words what ``distributions`` weigh against what a service needs for ONNX."""
    theirs, ours = installed_size(distributions) / 1e6, installed_size(ONNX) / 1e6
    return f"{theirs:,.0f} MB of packages, where ONNX Runtime takes {ours:,.0f} MB"


def _closure(distributions: Iterable[str]) -> set[NormalizedName]:
    found: set[NormalizedName] = set()
    waiting = [canonicalize_name(name) for name in distributions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _required(name)
    return found


def _required(name: str) -> list[NormalizedName]:
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        return []
    wanted = [Requirement(line) for line in lines]
    return [canonicalize_name(item.name) for item in wanted if item.marker is None or item.marker.evaluate()]


def _size(name: str) -> int:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0
    paths = [file.locate() for file in files if ".." not in file.parts]
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]  # a Path
