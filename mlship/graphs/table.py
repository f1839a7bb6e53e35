"""Which function converts which class, by the class's public name; plain data, so that a route can be told offhand.

To support one more estimator, write a function in its family's module and add a row here.
"""

from collections.abc import Iterable


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: class -> "module:function" of this package; the function takes (graph, estimator, columns) and returns columns.
TRANSFORMERS: dict[str, str] = {
    "sklearn.compose.ColumnTransformer": "compose:column_transformer",
    "sklearn.impute.MissingIndicator": "imputers:indicator",
    "sklearn.impute.SimpleImputer": "imputers:simple",
    "sklearn.model_selection.GridSearchCV": "compose:search_transform",
    "sklearn.model_selection.HalvingGridSearchCV": "compose:search_transform",
    "sklearn.model_selection.HalvingRandomSearchCV": "compose:search_transform",
    "sklearn.model_selection.RandomizedSearchCV": "compose:search_transform",
    "sklearn.pipeline.FeatureUnion": "compose:feature_union",
    "sklearn.pipeline.Pipeline": "compose:pipeline_transform",
    "sklearn.preprocessing.Binarizer": "scalers:binarizer",
    "sklearn.preprocessing.FunctionTransformer": "compose:function",
    "sklearn.preprocessing.MaxAbsScaler": "scalers:max_abs",
    "sklearn.preprocessing.MinMaxScaler": "scalers:min_max",
    "sklearn.preprocessing.Normalizer": "scalers:normalizer",
    "sklearn.preprocessing.OneHotEncoder": "encoders:one_hot",
    "sklearn.preprocessing.OrdinalEncoder": "encoders:ordinal",
    "sklearn.preprocessing.RobustScaler": "scalers:robust",
    "sklearn.preprocessing.StandardScaler": "scalers:standard",
}

#: class -> "module:function" of this package; the function takes (graph, estimator, columns) and returns answers.
PREDICTORS: dict[str, str] = {
    "sklearn.ensemble.ExtraTreesClassifier": "trees:forest_classifier",
    "sklearn.ensemble.ExtraTreesRegressor": "trees:forest_regressor",
    "sklearn.ensemble.GradientBoostingClassifier": "boosting:gradient_classifier",
    "sklearn.ensemble.GradientBoostingRegressor": "boosting:gradient_regressor",
    "sklearn.ensemble.HistGradientBoostingClassifier": "boosting:histogram_classifier",
    "sklearn.ensemble.HistGradientBoostingRegressor": "boosting:histogram_regressor",
    "sklearn.ensemble.RandomForestClassifier": "trees:forest_classifier",
    "sklearn.ensemble.RandomForestRegressor": "trees:forest_regressor",
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
    "sklearn.linear_model.Ridge": "linear:regressor",
    "sklearn.linear_model.RidgeCV": "linear:regressor",
    "sklearn.linear_model.RidgeClassifier": "linear:scorer",
    "sklearn.linear_model.RidgeClassifierCV": "linear:scorer",
    "sklearn.linear_model.SGDClassifier": "linear:stochastic",
    "sklearn.linear_model.SGDRegressor": "linear:regressor",
    "sklearn.linear_model.TheilSenRegressor": "linear:regressor",
    "sklearn.linear_model.TweedieRegressor": "linear:generalized",
    "sklearn.model_selection.GridSearchCV": "compose:search_answer",
    "sklearn.model_selection.HalvingGridSearchCV": "compose:search_answer",
    "sklearn.model_selection.HalvingRandomSearchCV": "compose:search_answer",
    "sklearn.model_selection.RandomizedSearchCV": "compose:search_answer",
    "sklearn.pipeline.Pipeline": "compose:pipeline_answer",
    "sklearn.svm.LinearSVC": "linear:scorer",
    "sklearn.svm.LinearSVR": "linear:regressor",
    "sklearn.tree.DecisionTreeClassifier": "trees:tree_classifier",
    "sklearn.tree.DecisionTreeRegressor": "trees:tree_regressor",
    "sklearn.tree.ExtraTreeClassifier": "trees:tree_classifier",
    "sklearn.tree.ExtraTreeRegressor": "trees:tree_regressor",
}

#: What skl2onnx 1.20 converts beyond that.
SKL2ONNX = _names(
    """
    AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor BayesianGaussianMixture BernoulliNB
    CalibratedClassifierCV CategoricalNB ComplementNB CountVectorizer DictVectorizer FeatureHasher GaussianMixture
    GaussianNB GaussianProcessClassifier GaussianProcessRegressor GaussianRandomProjection GenericUnivariateSelect
    IncrementalPCA IsolationForest KBinsDiscretizer KMeans KNNImputer KNeighborsClassifier KNeighborsRegressor
    KNeighborsTransformer KernelCenterer KernelPCA LabelBinarizer LabelEncoder LinearDiscriminantAnalysis
    LocalOutlierFactor MLPClassifier MLPRegressor MiniBatchKMeans MultiOutputClassifier MultiOutputRegressor
    MultinomialNB NearestNeighbors NeighborhoodComponentsAnalysis NuSVC NuSVR OneClassSVM OneVsOneClassifier
    OneVsRestClassifier PCA PLSRegression PolynomialFeatures PowerTransformer QuadraticDiscriminantAnalysis
    QuantileTransformer RANSACRegressor RFE RFECV RadiusNeighborsClassifier RadiusNeighborsRegressor
    RandomTreesEmbedding SGDOneClassSVM SVC SVR SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest
    SelectPercentile StackingClassifier StackingRegressor TargetEncoder TfidfTransformer TfidfVectorizer
    TruncatedSVD TunedThresholdClassifierCV VarianceThreshold VotingClassifier VotingRegressor
    """
)

#: Estimators of scikit-learn that answer for new rows and that nobody converts.
UNCONVERTED = _names(
    """
    AdditiveChi2Sampler AffinityPropagation BernoulliRBM Birch BisectingKMeans CCA ClassifierChain
    DictionaryLearning DummyClassifier DummyRegressor EllipticEnvelope FactorAnalysis FastICA FeatureAgglomeration
    FixedThresholdClassifier HashingVectorizer Isomap IsotonicRegression KernelRidge LabelPropagation LabelSpreading
    LatentDirichletAllocation LocallyLinearEmbedding MeanShift MiniBatchDictionaryLearning MiniBatchNMF
    MiniBatchSparsePCA MultiLabelBinarizer NMF NearestCentroid Nystroem OutputCodeClassifier PLSCanonical PLSSVD
    PatchExtractor PolynomialCountSketch RBFSampler RadiusNeighborsTransformer RegressorChain SelfTrainingClassifier
    SequentialFeatureSelector SkewedChi2Sampler SparseCoder SparsePCA SparseRandomProjection SplineTransformer
    TransformedTargetRegressor
    """
)

#: Found inside other estimators, where they work on labels or give start values; a step of its own only when alone.
_PARTS = {"DummyClassifier", "DummyRegressor", "LabelBinarizer", "LabelEncoder"}


def public_name(qualified: str) -> str:
    """Shorten "sklearn.ensemble._forest.RandomForestClassifier" to the name that users import."""
    *modules, name = qualified.split(".")
    private = next((number for number, part in enumerate(modules) if part.startswith("_")), len(modules))
    return ".".join([*modules[:private], name])


def planned_route(class_names: Iterable[str]) -> tuple[str, ...]:
    """Say who would convert each estimator among qualified class names, without importing anything.

    One line each, in their order: "RandomForestClassifier: mlship", "KNNImputer: skl2onnx" or "Birch: no converter".
    Names that are no estimators of scikit-learn are left out.
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
    steps = {name: plan for name, plan in plans.items() if name not in _PARTS} or plans
    return tuple(f"{name}: {plan}" for name, plan in steps.items())
