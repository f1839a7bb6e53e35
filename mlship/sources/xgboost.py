"""XGBoost's own files, .json and .ubj, as Booster.save_model and XGBModel.save_model write them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mlship.errors import ModelError
from mlship.inspection import Inspection
from mlship.sources import ubjson
from mlship.sources.files import content_of, damaged, distribution, library, start_of

_KINDS = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}
_UBJSON = b"\x07learner{"


class XGBoostSource:
    """Reads models that XGBoost saved itself; that executes nothing, so there are no names to trust."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is such a file, by its first bytes."""
        start = start_of(path, 64)
        return _is_ubjson(start) or start.lstrip().replace(b" ", b"").replace(b"\n", b"").startswith(b'{"learner":')

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file, without XGBoost; raises ModelError when it is damaged."""
        content = content_of(path)
        try:
            found = ubjson.loads(content) if _is_ubjson(content) else json.loads(content)
            learner = found["learner"]
            names = tuple(learner["feature_names"])
            return Inspection(
                path=path,
                format=_format(learner, "UBJSON" if _is_ubjson(content) else "JSON"),
                size=len(content),
                model=_model(learner),
                globals=(),
                trained_with={distribution("xgboost"): _version(found)},
                feature_names=names or None,
                n_features=int(learner["learner_model_param"]["num_feature"]),
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise damaged(path, "XGBoost") from error

    def load(self, path: Path) -> object:
        """Load the model: as the scikit-learn class that it was saved from, else as a Booster.

        Raises MissingDependencyError without xgboost, ModelError when xgboost cannot read the file.
        """
        xgboost = library("xgboost", path)
        content = content_of(path)
        try:
            booster = xgboost.Booster(model_file=bytearray(content))
            told = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
            if told not in _KINDS:
                return booster
            model = getattr(xgboost, _KINDS[told])()
            model.load_model(bytearray(content))
        except ValueError as error:  # XGBoostError is one
            raise ModelError(f"'{path.name}' cannot be loaded: {str(error).splitlines()[0]}") from error
        else:
            return model


def _is_ubjson(start: bytes) -> bool:
    return start.startswith(b"{") and _UBJSON in start[:32]


def _format(learner: Any, form: str) -> str:
    booster, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    return f"XGBoost {form}, {booster}, {objective}"


def _model(learner: Any) -> str:
    told = json.loads(learner.get("attributes", {}).get("scikit_learn") or "{}").get("_estimator_type")
    return f"xgboost.sklearn.{_KINDS[told]}" if told in _KINDS else "xgboost.core.Booster"


def _version(found: Any) -> str:
    version = found["version"]
    return ".".join(str(int(part)) for part in version)
