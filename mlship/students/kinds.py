"""The kinds of students, and the sizes in which each is tried, small ones first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Kind = Literal["linear", "tree", "mlp", "boosted", "forest", "torch"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Kinds that are tried where none is asked for, the cheapest first; torch is no part of them, as it takes an extra.
CHEAP: tuple[Kind, ...] = ("linear", "tree", "forest", "mlp", "boosted")


@dataclass(frozen=True)
class Plan:
    """A student to be: its kind, its name for people, and the settings that make it."""

    kind: Kind
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scaled(self) -> bool:
        """Whether it wants numbers of one scale and a column a category, which trees don't."""
        return self.kind in ("linear", "mlp", "torch")


def plans(kind: Kind, *, classifies: bool, width: int | None = None) -> list[Plan]:
    """Return the students of a kind that are tried, none where the kind has none for ``width`` numbers a row."""
    match kind:
        case "linear":
            name, title, values = (
                ("C", "logistic regression", (0.03, 0.3, 3.0))
                if classifies
                else ("alpha", "ridge regression", (1.0, 30.0))
            )
            return [Plan(kind, title, {name: value}) for value in values]
        case "tree":
            return [Plan(kind, f"tree of {n} leaves", {"max_leaf_nodes": n}) for n in (8, 32, 128)]
        case "forest":
            sizes = ((10, 32), (20, 64), (30, 128))
            return [Plan(kind, f"{n} trees of {k} leaves", {"n_estimators": n, "max_leaf_nodes": k}) for n, k in sizes]
        case "boosted":
            boosted = ((20, 4), (60, 8)) if width in (None, 1) else ()
            return [
                Plan(kind, f"{n} boosted trees of {k} leaves", {"max_iter": n, "max_leaf_nodes": k}) for n, k in boosted
            ]
        case "mlp" | "torch":
            network = "network" if kind == "mlp" else "torch network"
            more = [{}] if kind == "mlp" else [{"temperature": value} for value in (2.0, 4.0)]
            return [
                Plan(kind, f"{network} of {n} neurons", {"neurons": n, **extra})
                for n in (16, 32, 64, 128)
                for extra in more
            ]


def classifier(plan: Plan, seed: int) -> Any:
    """Return the unfitted scikit-learn classifier that ``plan`` asks for; torch has one of its own."""
    return _CLASSIFIERS[plan.kind](plan.settings, seed)


def regressor(plan: Plan, seed: int) -> Any:
    """Return the unfitted scikit-learn regressor that ``plan`` asks for."""
    return _REGRESSORS[plan.kind](plan.settings, seed)


def _network(kind: Any, settings: Mapping[str, Any], seed: int) -> Any:
    """Return a network that L-BFGS trains: on samples of a few thousand rows it is the faster and the better way."""
    return kind(hidden_layer_sizes=(settings["neurons"],), solver="lbfgs", alpha=1.0, max_iter=150, random_state=seed)


_Make = Callable[[Mapping[str, Any], int], Any]

_CLASSIFIERS: dict[str, _Make] = {
    "linear": lambda given, seed: LogisticRegression(max_iter=500, **given),
    "tree": lambda given, seed: DecisionTreeClassifier(random_state=seed, **given),
    "forest": lambda given, seed: RandomForestClassifier(random_state=seed, **given),
    "boosted": lambda given, seed: HistGradientBoostingClassifier(
        learning_rate=0.2, min_samples_leaf=5, early_stopping=False, random_state=seed, **given
    ),
    "mlp": lambda given, seed: _network(MLPClassifier, given, seed),
}
_REGRESSORS: dict[str, _Make] = {
    "linear": lambda given, seed: Ridge(**given),
    "tree": lambda given, seed: DecisionTreeRegressor(random_state=seed, min_samples_leaf=3, **given),
    "forest": lambda given, seed: RandomForestRegressor(random_state=seed, min_samples_leaf=3, **given),
    "boosted": lambda given, seed: HistGradientBoostingRegressor(
        learning_rate=0.1, min_samples_leaf=5, early_stopping=False, random_state=seed, **given
    ),
    "mlp": lambda given, seed: TransformedTargetRegressor(
        _network(MLPRegressor, given, seed), transformer=StandardScaler()
    ),
}
