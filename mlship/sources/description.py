"""Read from a walked pickle what people want to know: the model's class, its steps, versions and columns."""

from mlship.inspection import Step
from mlship.sources.machine import Walk
from mlship.sources.nodes import Call, Node, entries, made_by, state, strings

#: Attributes that hold (name, part, ...) tuples; the fitted ones first.
_LISTS = ("steps", "transformers_", "transformers", "transformer_list", "estimators")
#: Attributes that hold one part; the fitted ones first.
_PARTS = ("best_estimator_", "estimator_", "final_estimator_", "regressor_", "transformer_")
#: Where a composed model keeps the part that sees the input first.
_FIRST = ("best_estimator_", "estimator_", "regressor_")

_MAX_DEPTH = 32


def steps(root: Node) -> tuple[Step, ...]:
    """Describe the named parts of a pipeline, column transformer, union, search or ensemble, nested; each part once."""
    return _steps(root, set(), 0)


def trained_with(found: Walk) -> dict[str, str]:
    """Return the versions of the libraries that the model was saved with: what scikit-learn writes into each state.

    Source: sklearn/base.py, BaseEstimator.__getstate__. The root's own version wins over that of its parts.
    """
    versions = [state(instance).get("_sklearn_version") for instance in (found.root, *found.built)]
    return next(({"scikit-learn": version} for version in versions if type(version) is str), {})


def feature_names(root: Node) -> tuple[str, ...] | None:
    """Return the column names of the training frame, None where there were none."""
    return next((names for part in _inputs(root) if (names := strings(state(part).get("feature_names_in_")))), None)


def n_features(root: Node) -> int | None:
    """Return the number of input columns, None where it is not recorded."""
    counts = (state(part).get("n_features_in_") for part in _inputs(root))
    return next((count for count in counts if type(count) is int), None)


def _steps(node: Node, seen: set[int], depth: int) -> tuple[Step, ...]:
    if id(node) in seen or depth > _MAX_DEPTH:
        return ()
    seen.add(id(node))
    return tuple(
        Step(name, part if type(part) is str else made_by(part), _steps(part, seen, depth + 1))
        for name, part in _parts(state(node))
        if type(part) in {str, Call}
    )


def _parts(attributes: dict[str, Node]) -> list[tuple[str, Node]]:
    listed = next((found for key in _LISTS if (found := list(entries(attributes.get(key))))), [])
    return listed + [(key, attributes[key]) for key in _PARTS if type(attributes.get(key)) is Call]


def _inputs(root: Node) -> list[Node]:
    """List the model and then, inwards, the parts that get the same columns as it does."""
    found = [root]
    while len(found) <= _MAX_DEPTH:
        attributes = state(found[-1])
        inner = next((attributes[key] for key in _FIRST if type(attributes.get(key)) is Call), None)
        if inner is None:
            inner = next((part for _, part in entries(attributes.get("steps")) if type(part) is Call), None)
        if inner is None:
            break
        found.append(inner)
    return found
