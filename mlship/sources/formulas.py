"""Formulas in the states of statsmodels, which evaluates them as Python code when they are loaded.

Source: statsmodels/base/data.py, ModelData.__setstate__ ("restore_model_spec"; before 0.15 "restore_design_info"), and
base/model.py, where predict hands a "model_spec" or "design_info" that is text to patsy.
"""

import keyword
import re
from collections.abc import Iterable

from mlship.sources.nodes import Call, Global, Node, Pairs, made_of

#: Whatever object holds one of these, statsmodels would take it for a formula: only it may set them.
SPECIFICATIONS = {"model_spec", "design_info"}
#: The class that is named to people, and that they may trust.
DATA = ("statsmodels.base.data", "PandasData")

_RESTORE = {"restore_model_spec", "restore_design_info"}
_FRAMES = {("pandas", "DataFrame"), ("pandas.core.frame", "DataFrame")}
_SERIES = {("pandas", "Series"), ("pandas.core.series", "Series")}
#: Where statsmodels keeps the data that a model was fitted on.
_PLACES = {"frame", "orig_endog", "orig_exog"}
_NAME = r"[^\W\d]\w*"
_FUNCTIONS = "abs absolute arctan exp expm1 log log10 log1p log2 reciprocal sign sqrt square"
#: A call of one of these with one column in it is a term like a column is.
_CALL = re.compile(rf"(?<![\w.)\]])(?:C|np\.(?:{'|'.join(_FUNCTIONS.split())}))\(\s*({_NAME})\s*\)")
_IDENTITY = re.compile(r"(?<![\w.)\]])I\(")
_PLAIN = re.compile(rf"(?:\s|{_NAME}|\d{{1,15}}(?:\.\d{{1,15}})?|[~+\-*/:()])*")
_CALLED = re.compile(r"[\w)]\s*\(")


def attributes(state: Node) -> list[tuple[Node, Node]]:
    """Return what of a state becomes attributes: the items of a dict, or of the dicts in a tuple."""
    parts = state if isinstance(state, tuple) else (state,)
    return [pair for part in parts if isinstance(part, Pairs) for pair in part.items]


def runs_code(state: Node) -> bool:
    """Say whether setting this state evaluates a formula that is more than columns, numbers and known functions."""
    items = attributes(state)
    if not any(type(key) is str and key in _RESTORE for key, _ in items):
        return False
    formulas = [value for key, value in items if type(key) is str and key == "formula"]
    frames = [value for key, value in items if type(key) is str and key == "frame"]
    plain = len(formulas) == 1 and type(formulas[0]) is str and is_plain(formulas[0])
    return not (plain and len(frames) == 1 and type(frames[0]) is Call and made_of(frames[0]).pair in _FRAMES)


def misplaced(pairs: Iterable[tuple[Node, Node]]) -> set[tuple[str, str]]:
    """Return the classes of pandas tables that are attributes other than a model's data.

    Labels of a table can be read as attributes: in the place of a model's data, one called "model_spec" would be run.
    """
    found: set[tuple[str, str]] = set()
    for key, value in pairs:
        if type(value) is Call and not (type(key) is str and key in _PLACES):
            given = [value.function, *(item for item in value.arguments if type(item) is Global)]
            found |= {item.pair for item in given} & (_FRAMES | _SERIES)
    return found


def is_plain(formula: str) -> bool:
    """Say whether a formula only names columns: "y ~ a * C(town) + np.log(size) + I(b ** 2)" and the like."""
    left = _IDENTITY.sub("(", _CALL.sub(r" \1 ", formula))
    names = re.findall(_NAME, left)
    if any(keyword.iskeyword(name) for name in names) or "_" in {name[:1] for name in names}:
        return False
    return _PLAIN.fullmatch(left) is not None and _CALLED.search(left) is None
