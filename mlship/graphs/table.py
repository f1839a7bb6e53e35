"""Which function converts which class, by the class's public name; plain data, so that a route can be told offhand.

To support one more estimator, write a function in its family's module and add a row here.
"""

from collections.abc import Iterable

from mlship.graphs import others


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: class -> "module:function" of this package; the function takes (graph, estimator, columns) and returns columns.
TRANSFORMERS: dict[str, str] = {
    "sklearn.cluster.Birch": "clusters:birch_distances",
    "sklearn.cluster.BisectingKMeans": "clusters:distances",
    "sklearn.cluster.FeatureAgglomeration": "clusters:agglomeration",
    "sklearn.cluster.KMeans": "clusters:distances",
    "sklearn.cluster.MiniBatchKMeans": "clusters:distances",
    "sklearn.compose.ColumnTransformer": "compose:column_transformer",
    "sklearn.cross_decomposition.CCA": "cross_decomposition:rotated",
    "sklearn.cross_decomposition.PLSCanonical": "cross_decomposition:rotated",
    "sklearn.cross_decomposition.PLSRegression": "cross_decomposition:rotated",
    "sklearn.cross_decomposition.PLSSVD": "cross_decomposition:weighted",
    "sklearn.decomposition.DictionaryLearning": "sparse_coding:learned",
    "sklearn.decomposition.FactorAnalysis": "decomposition:factors",
    "sklearn.decomposition.FastICA": "decomposition:independent",
    "sklearn.decomposition.IncrementalPCA": "decomposition:principal",
    "sklearn.decomposition.KernelPCA": "kernels:principal",
    "sklearn.decomposition.LatentDirichletAllocation": "topics:shares_of_topics",
    "sklearn.decomposition.MiniBatchDictionaryLearning": "sparse_coding:learned",
    "sklearn.decomposition.MiniBatchSparsePCA": "decomposition:sparse_principal",
    "sklearn.decomposition.PCA": "decomposition:principal",
    "sklearn.decomposition.SparseCoder": "sparse_coding:given",
    "sklearn.decomposition.SparsePCA": "decomposition:sparse_principal",
    "sklearn.decomposition.TruncatedSVD": "decomposition:plain",
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": "discriminant:projection",
    "sklearn.ensemble.RandomTreesEmbedding": "embedding:leaves",
    "sklearn.ensemble.StackingClassifier": "stacking:transform",
    "sklearn.ensemble.StackingRegressor": "stacking:transform",
    "sklearn.ensemble.VotingClassifier": "voting:transform",
    "sklearn.ensemble.VotingRegressor": "voting:transform",
    "sklearn.feature_extraction.text.CountVectorizer": "text:count",
    "sklearn.feature_extraction.text.HashingVectorizer": "text:hashing",
    "sklearn.feature_extraction.text.TfidfTransformer": "text:transformer",
    "sklearn.feature_extraction.text.TfidfVectorizer": "text:tfidf",
    "sklearn.feature_selection.GenericUnivariateSelect": "selection:selected",
    "sklearn.feature_selection.RFE": "selection:selected",
    "sklearn.feature_selection.RFECV": "selection:selected",
    "sklearn.feature_selection.SelectFdr": "selection:selected",
    "sklearn.feature_selection.SelectFpr": "selection:selected",
    "sklearn.feature_selection.SelectFromModel": "selection:selected",
    "sklearn.feature_selection.SelectFwe": "selection:selected",
    "sklearn.feature_selection.SelectKBest": "selection:selected",
    "sklearn.feature_selection.SelectPercentile": "selection:selected",
    "sklearn.feature_selection.SequentialFeatureSelector": "selection:selected",
    "sklearn.feature_selection.VarianceThreshold": "selection:selected",
    "sklearn.frozen.FrozenEstimator": "meta:frozen_transform",
    "sklearn.impute.IterativeImputer": "iterative:iterative",
    "sklearn.impute.KNNImputer": "knn_imputer:neighbours",
    "sklearn.impute.MissingIndicator": "imputers:indicator",
    "sklearn.impute.SimpleImputer": "imputers:simple",
    "sklearn.kernel_approximation.AdditiveChi2Sampler": "samplers:additive_chi2",
    "sklearn.kernel_approximation.Nystroem": "kernels:nystroem",
    "sklearn.kernel_approximation.PolynomialCountSketch": "samplers:sketch",
    "sklearn.kernel_approximation.RBFSampler": "samplers:fourier",
    "sklearn.kernel_approximation.SkewedChi2Sampler": "samplers:skewed_chi2",
    "sklearn.manifold.Isomap": "manifold:isomap",
    "sklearn.manifold.LocallyLinearEmbedding": "manifold:locally_linear",
    "sklearn.model_selection.GridSearchCV": "compose:search_transform",
    "sklearn.model_selection.HalvingGridSearchCV": "compose:search_transform",
    "sklearn.model_selection.HalvingRandomSearchCV": "compose:search_transform",
    "sklearn.model_selection.RandomizedSearchCV": "compose:search_transform",
    "sklearn.neighbors.KNeighborsTransformer": "neighbors:graph",
    "sklearn.neighbors.NeighborhoodComponentsAnalysis": "decomposition:plain",
    "sklearn.neighbors.RadiusNeighborsTransformer": "radius:graph",
    "sklearn.neural_network.BernoulliRBM": "neural:boltzmann",
    "sklearn.pipeline.FeatureUnion": "compose:feature_union",
    "sklearn.pipeline.Pipeline": "compose:pipeline_transform",
    "sklearn.preprocessing.Binarizer": "scalers:binarizer",
    "sklearn.preprocessing.FunctionTransformer": "functions:function",
    "sklearn.preprocessing.KBinsDiscretizer": "discretizer:bins",
    "sklearn.preprocessing.KernelCenterer": "kernels:centerer",
    "sklearn.preprocessing.MaxAbsScaler": "scalers:max_abs",
    "sklearn.preprocessing.MinMaxScaler": "scalers:min_max",
    "sklearn.preprocessing.Normalizer": "scalers:normalizer",
    "sklearn.preprocessing.OneHotEncoder": "encoders:one_hot",
    "sklearn.preprocessing.OrdinalEncoder": "encoders:ordinal",
    "sklearn.preprocessing.PolynomialFeatures": "polynomial:features",
    "sklearn.preprocessing.PowerTransformer": "power:power",
    "sklearn.preprocessing.QuantileTransformer": "quantiles:quantile",
    "sklearn.preprocessing.RobustScaler": "scalers:robust",
    "sklearn.preprocessing.SplineTransformer": "splines:splines",
    "sklearn.preprocessing.StandardScaler": "scalers:standard",
    "sklearn.preprocessing.TargetEncoder": "target_encoder:target",
    "sklearn.random_projection.GaussianRandomProjection": "projections:random_projection",
    "sklearn.random_projection.SparseRandomProjection": "projections:random_projection",
}

#: class -> "module:function" of this package; the function takes (graph, estimator, columns) and returns answers.
PREDICTORS: dict[str, str] = {
    "mlship.originals.adapters.keras.KerasModel": "networks:network",
    "mlship.originals.adapters.onnx.OnnxClassifier": "networks:network",
    "mlship.originals.adapters.onnx.OnnxFile": "networks:network",
    "catboost.core.CatBoostClassifier": "boosters.catboost:classifier",
    "catboost.core.CatBoostRanker": "boosters.catboost:regressor",
    "catboost.core.CatBoostRegressor": "boosters.catboost:regressor",
    "lightgbm.basic.Booster": "boosters.lightgbm:regressor",
    "lightgbm.sklearn.LGBMClassifier": "boosters.lightgbm:classifier",
    "lightgbm.sklearn.LGBMRanker": "boosters.lightgbm:regressor",
    "lightgbm.sklearn.LGBMRegressor": "boosters.lightgbm:regressor",
    "mlship.originals.adapters.catboost.CatBoostClassifier": "boosters.wrapped:wrapped",
    "mlship.originals.adapters.catboost.CatBoostRegressor": "boosters.wrapped:wrapped",
    "mlship.originals.adapters.categorical.CategoricalClassifier": "boosters.wrapped:categorical",
    "mlship.originals.adapters.categorical.CategoricalRegressor": "boosters.wrapped:categorical",
    "mlship.originals.adapters.lightgbm.LightGBMClassifier": "boosters.lightgbm:classifier",
    "mlship.originals.adapters.lightgbm.LightGBMRegressor": "boosters.lightgbm:regressor",
    "mlship.originals.adapters.statsmodels.StatsmodelsResults": "statsmodels:results",
    "mlship.originals.adapters.torch.TorchModel": "networks:network",
    "sklearn.calibration.CalibratedClassifierCV": "calibration:calibrated",
    "sklearn.cluster.AffinityPropagation": "clusters:nearest_centre",
    "sklearn.cluster.Birch": "clusters:birch",
    "sklearn.cluster.BisectingKMeans": "clusters:bisecting",
    "sklearn.cluster.KMeans": "clusters:k_means",
    "sklearn.cluster.MeanShift": "clusters:nearest_centre",
    "sklearn.cluster.MiniBatchKMeans": "clusters:k_means",
    "sklearn.compose.TransformedTargetRegressor": "targets:transformed",
    "sklearn.covariance.EllipticEnvelope": "outliers:elliptic_envelope",
    "sklearn.cross_decomposition.CCA": "cross_decomposition:regressor",
    "sklearn.cross_decomposition.PLSCanonical": "cross_decomposition:regressor",
    "sklearn.cross_decomposition.PLSRegression": "cross_decomposition:regressor",
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": "discriminant:linear",
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": "discriminant:quadratic",
    "sklearn.dummy.DummyClassifier": "dummy:classifier",
    "sklearn.dummy.DummyRegressor": "dummy:regressor",
    "sklearn.ensemble.AdaBoostClassifier": "boosted:classifier",
    "sklearn.ensemble.AdaBoostRegressor": "boosted:regressor",
    "sklearn.ensemble.BaggingClassifier": "bagging:classifier",
    "sklearn.ensemble.BaggingRegressor": "bagging:regressor",
    "sklearn.ensemble.ExtraTreesClassifier": "trees:forest_classifier",
    "sklearn.ensemble.ExtraTreesRegressor": "trees:forest_regressor",
    "sklearn.ensemble.GradientBoostingClassifier": "boosting:gradient_classifier",
    "sklearn.ensemble.GradientBoostingRegressor": "boosting:gradient_regressor",
    "sklearn.ensemble.HistGradientBoostingClassifier": "boosting:histogram_classifier",
    "sklearn.ensemble.HistGradientBoostingRegressor": "boosting:histogram_regressor",
    "sklearn.ensemble.IsolationForest": "outliers:isolation_forest",
    "sklearn.ensemble.RandomForestClassifier": "trees:forest_classifier",
    "sklearn.ensemble.RandomForestRegressor": "trees:forest_regressor",
    "sklearn.ensemble.StackingClassifier": "stacking:classifier",
    "sklearn.ensemble.StackingRegressor": "stacking:regressor",
    "sklearn.ensemble.VotingClassifier": "voting:classifier",
    "sklearn.ensemble.VotingRegressor": "voting:regressor",
    "sklearn.feature_selection.RFE": "selection:predictor",
    "sklearn.feature_selection.RFECV": "selection:predictor",
    "sklearn.frozen.FrozenEstimator": "meta:frozen_answer",
    "sklearn.gaussian_process.GaussianProcessClassifier": "gaussian_process:classifier",
    "sklearn.gaussian_process.GaussianProcessRegressor": "gaussian_process:regressor",
    "sklearn.isotonic.IsotonicRegression": "isotonic:regressor",
    "sklearn.kernel_ridge.KernelRidge": "kernels:ridge",
    "sklearn.linear_model.ARDRegression": "linear:regressor",
    "sklearn.linear_model.BayesianRidge": "linear:regressor",
    "sklearn.linear_model.ElasticNet": "linear:regressor",
    "sklearn.linear_model.ElasticNetCV": "linear:regressor",
    "sklearn.linear_model.GammaRegressor": "linear:generalized",
    "sklearn.linear_model.HuberRegressor": "linear:regressor",
    "sklearn.linear_model.Lars": "linear:regressor",
    "sklearn.linear_model.LarsCV": "linear:regressor",
    "sklearn.linear_model.Lasso": "linear:regressor",
    "sklearn.linear_model.LassoCV": "linear:regressor",
    "sklearn.linear_model.LassoLars": "linear:regressor",
    "sklearn.linear_model.LassoLarsCV": "linear:regressor",
    "sklearn.linear_model.LassoLarsIC": "linear:regressor",
    "sklearn.linear_model.LinearRegression": "linear:regressor",
    "sklearn.linear_model.LogisticRegression": "linear:logistic",
    "sklearn.linear_model.LogisticRegressionCV": "linear:logistic",
    "sklearn.linear_model.MultiTaskElasticNet": "linear:regressor",
    "sklearn.linear_model.MultiTaskElasticNetCV": "linear:regressor",
    "sklearn.linear_model.MultiTaskLasso": "linear:regressor",
    "sklearn.linear_model.MultiTaskLassoCV": "linear:regressor",
    "sklearn.linear_model.OrthogonalMatchingPursuit": "linear:regressor",
    "sklearn.linear_model.OrthogonalMatchingPursuitCV": "linear:regressor",
    "sklearn.linear_model.PassiveAggressiveClassifier": "linear:scorer",
    "sklearn.linear_model.PassiveAggressiveRegressor": "linear:regressor",
    "sklearn.linear_model.Perceptron": "linear:scorer",
    "sklearn.linear_model.PoissonRegressor": "linear:generalized",
    "sklearn.linear_model.QuantileRegressor": "linear:regressor",
    "sklearn.linear_model.RANSACRegressor": "dummy:consensus",
    "sklearn.linear_model.Ridge": "linear:regressor",
    "sklearn.linear_model.RidgeCV": "linear:regressor",
    "sklearn.linear_model.RidgeClassifier": "linear:scorer",
    "sklearn.linear_model.RidgeClassifierCV": "linear:scorer",
    "sklearn.linear_model.SGDClassifier": "linear:stochastic",
    "sklearn.linear_model.SGDOneClassSVM": "svm:linear_one_class",
    "sklearn.linear_model.SGDRegressor": "linear:regressor",
    "sklearn.linear_model.TheilSenRegressor": "linear:regressor",
    "sklearn.linear_model.TweedieRegressor": "linear:generalized",
    "sklearn.mixture.BayesianGaussianMixture": "mixtures:bayesian",
    "sklearn.mixture.GaussianMixture": "mixtures:gaussian",
    "sklearn.model_selection.FixedThresholdClassifier": "thresholds:fixed",
    "sklearn.model_selection.GridSearchCV": "compose:search_answer",
    "sklearn.model_selection.HalvingGridSearchCV": "compose:search_answer",
    "sklearn.model_selection.HalvingRandomSearchCV": "compose:search_answer",
    "sklearn.model_selection.RandomizedSearchCV": "compose:search_answer",
    "sklearn.model_selection.TunedThresholdClassifierCV": "thresholds:tuned",
    "sklearn.multiclass.OneVsOneClassifier": "multiclass:one_vs_one",
    "sklearn.multiclass.OneVsRestClassifier": "multiclass:one_vs_rest",
    "sklearn.multiclass.OutputCodeClassifier": "multiclass:output_code",
    "sklearn.multioutput.ClassifierChain": "multioutput:chain",
    "sklearn.multioutput.MultiOutputClassifier": "multioutput:each",
    "sklearn.multioutput.MultiOutputRegressor": "multioutput:each",
    "sklearn.multioutput.RegressorChain": "multioutput:chain",
    "sklearn.naive_bayes.BernoulliNB": "naive_bayes:bernoulli",
    "sklearn.naive_bayes.CategoricalNB": "naive_bayes:categorical",
    "sklearn.naive_bayes.ComplementNB": "naive_bayes:complement",
    "sklearn.naive_bayes.GaussianNB": "naive_bayes:gaussian",
    "sklearn.naive_bayes.MultinomialNB": "naive_bayes:multinomial",
    "sklearn.neighbors.KNeighborsClassifier": "neighbors:classifier",
    "sklearn.neighbors.KNeighborsRegressor": "neighbors:regressor",
    "sklearn.neighbors.LocalOutlierFactor": "neighbors:outliers",
    "sklearn.neighbors.NearestCentroid": "centroids:nearest_centroid",
    "sklearn.neighbors.RadiusNeighborsClassifier": "radius:classifier",
    "sklearn.neighbors.RadiusNeighborsRegressor": "radius:regressor",
    "sklearn.neural_network.MLPClassifier": "neural:classifier",
    "sklearn.neural_network.MLPRegressor": "neural:regressor",
    "sklearn.pipeline.Pipeline": "compose:pipeline_answer",
    "sklearn.semi_supervised.LabelPropagation": "propagation:propagated",
    "sklearn.semi_supervised.LabelSpreading": "propagation:propagated",
    "sklearn.semi_supervised.SelfTrainingClassifier": "meta:self_training",
    "sklearn.svm.LinearSVC": "linear:scorer",
    "sklearn.svm.LinearSVR": "linear:regressor",
    "sklearn.svm.NuSVC": "svm:classifier",
    "sklearn.svm.NuSVR": "svm:regressor",
    "sklearn.svm.OneClassSVM": "svm:one_class",
    "sklearn.svm.SVC": "svm:classifier",
    "sklearn.svm.SVR": "svm:regressor",
    "sklearn.tree.DecisionTreeClassifier": "trees:tree_classifier",
    "sklearn.tree.DecisionTreeRegressor": "trees:tree_regressor",
    "sklearn.tree.ExtraTreeClassifier": "trees:tree_classifier",
    "sklearn.tree.ExtraTreeRegressor": "trees:tree_regressor",
    "xgboost.core.Booster": "boosters.xgboost:regressor",
    "xgboost.sklearn.XGBClassifier": "boosters.xgboost:classifier",
    "xgboost.sklearn.XGBRFClassifier": "boosters.xgboost:classifier",
    "xgboost.sklearn.XGBRFRegressor": "boosters.xgboost:regressor",
    "xgboost.sklearn.XGBRanker": "boosters.xgboost:regressor",
    "xgboost.sklearn.XGBRegressor": "boosters.xgboost:regressor",
}

#: What skl2onnx 1.20 converts beyond that.
SKL2ONNX = _names(
    """
    DictVectorizer FeatureHasher LabelBinarizer LabelEncoder NearestNeighbors
    """
)

#: Estimators of scikit-learn that answer for new rows and that nobody converts.
UNCONVERTED = _names(
    """
    MiniBatchNMF MultiLabelBinarizer NMF PatchExtractor
    """
)

#: Why nobody converts some of them.
REASONS = {
    "sklearn.decomposition.MiniBatchNMF": "what it answers for a row depends on the other rows of the batch",
    "sklearn.decomposition.NMF": "what it answers for a row depends on the other rows of the batch",
}

#: Found inside other estimators, where they work on labels or give start values; a step of its own only when alone.
_PARTS = {"Booster", "DummyClassifier", "DummyRegressor", "LabelBinarizer", "LabelEncoder"}


def public_name(qualified: str) -> str:
    """Shorten "sklearn.ensemble._forest.RandomForestClassifier" to the name that users import."""
    *modules, name = qualified.split(".")
    private = next((number for number, part in enumerate(modules) if part.startswith("_")), len(modules))
    return ".".join([*modules[:private], name])


def planned_route(class_names: Iterable[str]) -> tuple[str, ...]:
    """Say who would convert each estimator among qualified class names, without importing anything.

    One line each, in their order: "RandomForestClassifier: mlship", "KNNImputer: skl2onnx" or "Birch: no converter".
    Names that are neither estimators of scikit-learn nor converted by a package that is installed are left out.
    """
    plans: dict[str, str] = {}
    for qualified in class_names:
        public = public_name(qualified)
        name = public.rpartition(".")[2]
        if public in TRANSFORMERS or public in PREDICTORS:
            plans[name] = "mlship"
        elif public.startswith("sklearn.") and name in SKL2ONNX:
            plans[name] = "skl2onnx"
        elif public.startswith("sklearn.") and name in UNCONVERTED:
            plans[name] = "no converter"
        elif public in others.found():
            plans[name] = others.brought_by(others.found()[public])
    steps = {name: plan for name, plan in plans.items() if name not in _PARTS} or plans
    return tuple(f"{name}: {plan}" for name, plan in steps.items())
