"""For models that ONNX cannot hold: kept in their own library's safe format, with the exact versions that answer."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import packages_distributions, version
from pathlib import Path

import skops
from pydantic import Field

from mlship import footprint, golden, signature
from mlship.artifacts import write_atomic
from mlship.errors import UnsupportedModelError
from mlship.originals import native
from mlship.originals.visit import visit
from mlship.stages import Converter, Original, Outcome, Progress

assert skops.__version__  # without it, this plugin says at once what is missing


class NativeConverter(Converter):
    """Keep the model in its own library, for models that ONNX cannot hold; the service runs that library, pinned."""

    writes = ("signature", "golden", "native")
    libraries = ("scikit-learn", "numpy", "scipy", "pandas", "skops")

    target: str | None = Field(None, description="column of the sample that holds the true answers")
    golden_rows: int = Field(1000, gt=0, le=1_000_000, description="rows of the sample that are kept as golden set")
    seed: int = Field(0, description="seed that chooses rows, where the sample has more")

    def convert(self, original: Original, sample: Path | None, out: Path, progress: Progress) -> Outcome:
        """Visit the model and write native/: the model's file, native.json and requirements.txt.

        Raises UnsupportedModelError for a model that no safe format holds, or whose code is in no installed package.
        """
        progress("asking the original model")
        visited = visit(original.model, sample, target=self.target, rows=self.golden_rows, seed=self.seed)
        golden.write(visited.golden, out / "golden.npz")
        signature.write(visited.signature, out / "signature.json")
        folder = out / "native"
        folder.mkdir()
        progress("keeping the model in its own library")
        kept = native.keep(original.model, folder, named=visited.signature.named)
        wanted = pins([*kept.libraries, *(["pandas"] if kept.takes == "frame" else [])])
        native.write(kept.model_copy(update={"libraries": tuple(wanted)}), folder)
        lines = [f"{name}=={found}" for name, found in wanted.items()]
        write_atomic(folder / "requirements.txt", "".join(f"{line}\n" for line in lines).encode())
        return Outcome(
            artifacts={"signature": "signature.json", "golden": "golden.npz", "native": "native"},
            summary=f"{visited.signature.model} kept as {kept.file}",
            facts={
                "model": visited.signature.model,
                "format": kept.format,
                "requirements": lines,
                "trusted": list(kept.trusted),
                "rows": len(visited.golden),
                "synthetic": visited.synthetic,
            },
            notes=(*visited.notes, *_costs(wanted)),
        )


def pins(modules: Iterable[str]) -> dict[str, str]:
    """Return the distributions that bring top-level ``modules``, with their versions here, sorted by name.

    Raises UnsupportedModelError for a module that no installed distribution brings: an image cannot install it.
    """
    brought: Mapping[str, Sequence[str]] = packages_distributions()
    names: set[str] = set()
    for module in sorted({*modules} - sys.stdlib_module_names):
        if module not in brought:
            message = f"the model needs the module '{module}', which belongs to no installed package"
            raise UnsupportedModelError(message, f"make a package of '{module}', pip install it and train again")
        names.update(brought[module])
    return {name: version(name) for name in sorted(names)}


def _costs(wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Say what it costs not to be ONNX."""
    size = f"kept native: the service runs {', '.join(wanted)} themselves, {footprint.comparison(wanted)}"
    if not any(name.startswith("lightgbm") for name in wanted):
        return (size,)
    return (size, "LightGBM needs the system's libgomp1, which slim base images lack: --set base=IMAGE")
