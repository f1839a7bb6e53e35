"""LightGBM's own files, the text that Booster.save_model writes."""

from collections.abc import Collection
from pathlib import Path

from mlship.errors import ModelError
from mlship.inspection import Inspection
from mlship.sources.files import content_of, damaged, library, start_of

_START = b"tree\nversion="


class LightGBMSource:
    """Reads models that LightGBM saved itself; that executes nothing, so there are no names to trust."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is such a file, by its first bytes."""
        return start_of(path, 32).replace(b"\r\n", b"\n").startswith(_START)

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file, without LightGBM; raises ModelError when it is damaged."""
        content = content_of(path)
        try:
            text = content[: content.index(b"\nend of trees")].decode("utf-8")
            lines = text.partition("\nTree=")[0].splitlines()
            header = dict(line.split("=", 1) for line in lines if "=" in line)
            objective = header.get("objective", "no objective")
            names = tuple(header["feature_names"].split(" "))
            return Inspection(
                path=path,
                format=f"LightGBM text {header['version']}, {objective}",
                size=len(content),
                model="lightgbm.basic.Booster",
                globals=(),
                feature_names=None if names == _unnamed(len(names)) else names,
                n_features=int(header["max_feature_idx"]) + 1,
            )
        except (ValueError, LookupError) as error:
            raise damaged(path, "LightGBM") from error

    def load(self, path: Path) -> object:
        """Load the Booster; raises MissingDependencyError without lightgbm, ModelError when it cannot read the file."""
        lightgbm = library("lightgbm", path)
        self.inspect(path)  # LightGBM ends the process over some damaged files
        try:
            return lightgbm.Booster(model_file=str(path))
        except (lightgbm.basic.LightGBMError, ValueError) as error:
            raise ModelError(f"'{path.name}' cannot be loaded: {error}") from error


def _unnamed(count: int) -> tuple[str, ...]:
    return tuple(f"Column_{number}" for number in range(count))
