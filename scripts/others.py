"""Names on the allow-list beyond scikit-learn: boosting libraries, statsmodels, and where classes lived before."""

import importlib
from importlib.util import find_spec
from typing import TypeAlias

Name: TypeAlias = tuple[str, str]

LIBRARIES = ("catboost", "lightgbm", "statsmodels", "xgboost-cpu")

#: Rebuild the blocks of a data frame out of arrays; a formula of statsmodels keeps the frame that it was fitted on.
CALL = """
    pandas._libs.internals: _unpickle_block
    pandas.core.internals.managers: BlockManager SingleBlockManager
"""
#: Boosters hand their own bytes or text to the parser of their library, which runs no code. Not here, for they free
#: whatever address their state says: DMatrix of xgboost, Dataset and _InnerPredictor of lightgbm. Tables of pandas are
#: let through only where statsmodels keeps its data (mlship/sources/formulas.py).
MAKE = """
    catboost.core: CatBoost CatBoostClassifier CatBoostRanker CatBoostRegressor
    lightgbm.basic: Booster
    lightgbm.sklearn: LGBMClassifier LGBMModel LGBMRanker LGBMRegressor
    xgboost.core: Booster
    xgboost.sklearn: XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker XGBRegressor
    pandas: Categorical CategoricalDtype DataFrame MultiIndex RangeIndex Series
    pandas.core.arrays.categorical: Categorical
    pandas.core.dtypes.dtypes: CategoricalDtype
    pandas.core.frame: DataFrame
    pandas.core.indexes.multi: MultiIndex
    pandas.core.indexes.range: RangeIndex
    pandas.core.series: Series
    statsmodels.base.data: ModelData PandasData
"""
#: Modules of statsmodels whose classes hold fitted numbers, or compute with them; states are plain attributes.
STATISTICS = (
    "statsmodels.discrete.discrete_model",
    "statsmodels.genmod.cov_struct",
    "statsmodels.genmod.families.family",
    "statsmodels.genmod.families.links",
    "statsmodels.genmod.families.varfuncs",
    "statsmodels.genmod.generalized_estimating_equations",
    "statsmodels.genmod.generalized_linear_model",
    "statsmodels.othermod.betareg",
    "statsmodels.regression.linear_model",
    "statsmodels.regression.quantile_regression",
    "statsmodels.robust.norms",
    "statsmodels.robust.robust_linear_model",
)
#: Modules of scikit-learn before 0.22 -> where the classes went. A file with these loads in its own version only.
OLD_MODULES = {
    "sklearn.cluster.k_means_": "sklearn.cluster._kmeans",
    "sklearn.decomposition.pca": "sklearn.decomposition._pca",
    "sklearn.decomposition.truncated_svd": "sklearn.decomposition._truncated_svd",
    "sklearn.ensemble.bagging": "sklearn.ensemble._bagging",
    "sklearn.ensemble.forest": "sklearn.ensemble._forest",
    "sklearn.ensemble.gradient_boosting": "sklearn.ensemble._gb",
    "sklearn.ensemble.iforest": "sklearn.ensemble._iforest",
    "sklearn.ensemble.voting": "sklearn.ensemble._voting",
    "sklearn.ensemble.voting_classifier": "sklearn.ensemble._voting",
    "sklearn.ensemble.weight_boosting": "sklearn.ensemble._weight_boosting",
    "sklearn.feature_selection.univariate_selection": "sklearn.feature_selection._univariate_selection",
    "sklearn.feature_selection.variance_threshold": "sklearn.feature_selection._variance_threshold",
    "sklearn.linear_model.base": "sklearn.linear_model._base",
    "sklearn.linear_model.coordinate_descent": "sklearn.linear_model._coordinate_descent",
    "sklearn.linear_model.logistic": "sklearn.linear_model._logistic",
    "sklearn.linear_model.ridge": "sklearn.linear_model._ridge",
    "sklearn.linear_model.stochastic_gradient": "sklearn.linear_model._stochastic_gradient",
    "sklearn.mixture.gaussian_mixture": "sklearn.mixture._gaussian_mixture",
    "sklearn.neighbors.classification": "sklearn.neighbors._classification",
    "sklearn.neighbors.regression": "sklearn.neighbors._regression",
    "sklearn.neural_network.multilayer_perceptron": "sklearn.neural_network._multilayer_perceptron",
    "sklearn.preprocessing.data": "sklearn.preprocessing._data",
    "sklearn.preprocessing.label": "sklearn.preprocessing._label",
    "sklearn.svm.classes": "sklearn.svm._classes",
    "sklearn.tree.tree": "sklearn.tree._classes",
}


def statistics() -> set[Name]:
    """Find the classes that the modules in STATISTICS define; none where statsmodels is not installed."""
    if find_spec("statsmodels") is None:
        return set()
    found = set()
    for module in STATISTICS:
        members = vars(importlib.import_module(module)).values()
        kinds = [kind for kind in members if isinstance(kind, type) and kind.__module__ == module]
        found |= {(module, kind.__qualname__) for kind in kinds if not issubclass(kind, Exception)}
    return found


def in_old_modules(names: set[Name]) -> set[Name]:
    """Return classes of scikit-learn under the addresses that they had before 0.22."""
    return {(old, name) for old, new in OLD_MODULES.items() for module, name in names if module == new}
