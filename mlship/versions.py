"""Versions that do not go together: what is known to go wrong, checked before a model is converted."""

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from mlship.errors import MissingDependencyError
from mlship.inspection import installed


@dataclass(frozen=True)
class Known:
    """A combination that goes wrong: version specifiers by distribution, which must all hold.

    ``consequence`` completes "these versions: ...", ``remedy`` is one command. ``fatal``: nothing is converted with it.
    """

    versions: Mapping[str, str]
    consequence: str
    remedy: str
    fatal: bool = False


#: Each was measured; what pyproject.toml excludes is here too, for who installs with --no-deps or upgrades by hand.
KNOWN = (
    Known(
        {"onnxruntime": ">=1.26,<1.28"},
        "it answers wrong labels for forests that skl2onnx converts",
        'pip install "onnxruntime>=1.28"',
        fatal=True,
    ),
    Known(
        {"onnxruntime": "<1.24"},
        "it computes trees in double wrongly, or not at all",
        'pip install "onnxruntime>=1.28"',
        fatal=True,
    ),
    Known(
        {"protobuf": ">=7.34", "skl2onnx": "<=1.20"},
        'steps that skl2onnx converts may fail ("Expected an int, got a boolean")',
        'pip install "protobuf<7.34"',
    ),
    Known(
        {"skl2onnx": "<=1.19.0", "onnx": ">=1.18"},
        "skl2onnx cannot be imported, so steps that mlship does not convert itself are refused",
        'pip install "skl2onnx>=1.20"',
    ),
    Known(
        {"scikit-learn": "<1.8"},
        "mlship is tested with 1.8 and newer",
        'pip install "scikit-learn>=1.8"; models of older ones: --python-env auto',
    ),
)


def here() -> list[Known]:
    """Return the known combinations that are installed here."""
    return among({name: installed(name) for known in KNOWN for name in known.versions})


def among(versions: Mapping[str, str | None]) -> list[Known]:
    """Return the known combinations among ``versions``, by distribution; None is one that is not installed."""
    return [known for known in KNOWN if all(_holds(text, versions.get(name)) for name, text in known.versions.items())]


def sentence(known: Known) -> str:
    """Say what is installed and what goes wrong with it."""
    pair = " with ".join(f"{name} {installed(name)}" for name in known.versions)
    return f"{pair}: {known.consequence}"


def require_usable() -> tuple[str, ...]:
    """Return a note for each known combination that is installed; raises MissingDependencyError for a fatal one."""
    bad = here()
    for known in bad:
        if known.fatal:
            raise MissingDependencyError(sentence(known), known.remedy)
    return tuple(f"{sentence(known)}; {known.remedy}" for known in bad)


def _holds(specifier: str, version: str | None) -> bool:
    try:
        return version is not None and SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False
