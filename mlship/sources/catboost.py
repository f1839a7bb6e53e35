"""CatBoost's own binary files, .cbm.

Format: "CBM1", the size of the core, and the core as a FlatBuffer (catboost/libs/model/flatbuffers/model.fbs).
"""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from mlship.errors import ModelError
from mlship.inspection import Inspection
from mlship.sources import flatbuffers
from mlship.sources.files import content_of, damaged, library, start_of
from mlship.sources.flatbuffers import Table

_MAGIC = b"CBM1"
# numbers of fields in the schema
_TREES, _INFO = 1, 2
_FEATURES = {"categorical": (4, 1), "numeric": (5, 2)}  # kind: field of the trees, field of the flat index
_NAMES = {"categorical": 2, "numeric": 4}
_CLASSIFIERS = {"Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy"}


class CatBoostSource:
    """Reads models that CatBoost saved itself; that executes nothing, so there are no names to trust."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is such a file, by its first bytes."""
        return start_of(path, 4) == _MAGIC

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file, without CatBoost; raises ModelError when it is damaged."""
        content = content_of(path)
        try:
            core = flatbuffers.root(content, 8)
            info = {item.text(0) or "": item.text(1) or "" for item in core.tables(_INFO)}
            names = _columns(core)
            loss = json.loads(info["params"])["loss_function"]["type"]
            return Inspection(
                path=path,
                format=f"CatBoost binary, {loss}",
                size=len(content),
                model=f"catboost.core.{'CatBoostClassifier' if loss in _CLASSIFIERS else 'CatBoostRegressor'}",
                globals=(),
                trained_with=_version(info),
                feature_names=names if any(names) else None,
                n_features=len(names),
            )
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise damaged(path, "CatBoost") from error

    def load(self, path: Path) -> object:
        """Load the model; raises MissingDependencyError without catboost, ModelError when it cannot read the file."""
        catboost = library("catboost", path)
        self.inspect(path)
        try:
            model = catboost.CatBoost()
            model.load_model(str(path))
        except catboost.CatBoostError as error:
            raise ModelError(f"'{path.name}' cannot be loaded: {str(error).splitlines()[0]}") from error
        else:
            return model


def _columns(core: Table) -> tuple[str, ...]:
    """Return the names of all columns in their order, "" where a column has none."""
    trees = core.table(_TREES)
    named: dict[int, str] = {}
    for kind, (field, index) in _FEATURES.items():
        for feature in trees.tables(field) if trees else ():
            named[feature.integer(index, -1)] = feature.text(_NAMES[kind]) or ""
    if any(not 0 <= number < 1 << 24 for number in named):
        raise ValueError("a column has an impossible number")
    return tuple(named.get(number, "") for number in range(max(named, default=-1) + 1))


def _version(info: Mapping[str, str]) -> dict[str, str]:
    found = re.search(r"tags/v(\d+(?:\.\d+)+)", info.get("catboost_version_info", ""))
    return {"catboost": found[1]} if found else {}
