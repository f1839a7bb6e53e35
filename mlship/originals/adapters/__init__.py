"""Gives models of other libraries the methods that scikit-learn's have, so that all are asked alike.

An adapter is a class around the library's own object, with ``predict``, and where they make sense ``predict_proba``,
``classes_``, ``feature_names_in_`` and ``n_features_in_``; one module a library. ``graphs/table.py`` finds its
converter by the adapter's class.
"""

import importlib
from typing import Any

#: class of the library's object, or of a base class of it -> "module:class" (or function) of this package, which is
#: called with that object.
ADAPTERS: dict[str, str] = {
    "keras.src.models.model.Model": "keras:KerasModel",
    "onnx.onnx_ml_pb2.ModelProto": "onnx:file_model",
    "catboost.core.CatBoost": "catboost:from_model",
    "lightgbm.basic.Booster": "lightgbm:from_booster",
    "lightgbm.sklearn.LGBMModel": "lightgbm:from_model",
    "statsmodels.base.model.Results": "statsmodels:StatsmodelsResults",
    "statsmodels.base.wrapper.ResultsWrapper": "statsmodels:StatsmodelsResults",
    "torch.export.exported_program.ExportedProgram": "torch:TorchModel",
    "torch.nn.modules.module.Module": "torch:TorchModel",
    "xgboost.core.Booster": "xgboost:from_booster",
    "xgboost.sklearn.XGBModel": "xgboost:from_model",
}


def adapted(model: Any) -> Any:
    """Return ``model``, in its adapter where its class has one; imports no library that the model does not use."""
    for kind in type(model).__mro__:
        target = ADAPTERS.get(f"{kind.__module__}.{kind.__qualname__}")
        if target is not None:
            module, _, name = target.partition(":")
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)(model)
    return model
