"""Names that are safe only with certain arguments or a certain state: what the library does with them was read.

Not checked are the numbers in the state of compiled classes (the children of a tree's nodes, say): a hostile file can
still make the library that loads it crash, which is one reason why that happens in quarantine.
"""

import re
from collections.abc import Collection, Iterable

from mlship.sources.dtypes import DTYPE, layout
from mlship.sources.formulas import SPECIFICATIONS
from mlship.sources.nodes import RECONSTRUCTORS, Call, Global, Node, Pairs, made_of
from mlship.sources.streams import RefusedError

_ENCODE = ("_codecs", "encode")
_NDARRAY = ("numpy", "ndarray")
_NEW_INDEX = ("pandas.core.indexes.base", "_new_Index")
_PARTIAL = ("functools", "partial")
#: Attributes with two underscores that say nothing about behaviour. Any other may: numpy takes memory at an address
#: out of an "__array_interface__", pickle calls "__setstate__".
_HARMLESS = {"__doc__", "__module__", "__name__", "__qualname__"}
#: Classes that can stand for a dict of attributes.
_MAPPINGS = {"Bunch", "ChainMap", "Counter", "OrderedDict", "UserDict", "defaultdict", "dict"}
#: CatBoost keeps its own bytes under this key, which its __setstate__ takes out and parses.
_CATBOOST, _CATBOOST_BYTES = "catboost.core", {"__model"}
#: Libraries with native parts, whose classes do more in __init__ than to keep what they are given.
_NATIVE = {"catboost", "lightgbm", "statsmodels", "xgboost"}
#: Methods that scipy's discrete distributions keep in numpy.vectorize.
_METHODS = {"_entropy", "_cdf_single", "_ppf_single"}

#: How scipy/stats/_distn_infrastructure.py fills its parse_arg_template, which unpickling passes to exec.
_TEMPLATE = """
def _parse_args(self, {shapes} {given}):
    return ({shapes}), {used}

def _parse_args_rvs(self, {shapes} {given}, size=None):
    return self._argcheck_rvs({shapes} {used}, size=size)

def _parse_args_stats(self, {shapes} {given}, moments='mv'):
    return ({shapes}), {used}, moments
"""
_FIRST_LINE = re.compile(r"\ndef _parse_args\(self, ((?:[A-Za-z_][A-Za-z0-9_]*, )*) (loc=0(?:, scale=1)?)\):")


#: What ``check_call`` looks at even where no argument is a name.
CHECKED = {_ENCODE, _NDARRAY, _NEW_INDEX, _PARTIAL, *RECONSTRUCTORS}


def is_plain(function: Node, arguments: Node) -> bool:
    """Say whether this calls a name that needs no check, with a tuple in which there are no names."""
    return (
        type(function) is Global and function.plain and type(arguments) is tuple and Global not in map(type, arguments)
    )


def check_call(call: Call) -> None:
    """Raise RefusedError when a name must not be called with these arguments."""
    function, named = call.function, _globals(call.arguments)
    if function.pair == _ENCODE and not _is_latin1(call.arguments):
        raise RefusedError("it encodes text in another way than pickle does")
    if function.pair == _NDARRAY or any(_is_array(given) and not _takes_arrays(function) for given in named):
        raise RefusedError("it makes an array over bytes of its choice")  # numpy lets these bytes be pointers
    if function.pair == _NEW_INDEX and not (named and named[0].module.partition(".")[0] == "pandas"):
        raise RefusedError("it makes something else than an index with a function of pandas for indexes")
    if function.module == "numpy.random._pickle" and any(given.module.partition(".")[0] != "numpy" for given in named):
        raise RefusedError("it makes something else than random numbers with a function of numpy for these")
    if function.pair in RECONSTRUCTORS:
        if any(given.module.partition(".")[0] in _NATIVE for given in _globals(call.arguments[1:])):
            raise RefusedError("it makes an instance in another way than pickle does")
        _check_attributes(call.arguments[2:])


def check_state(instance: Call, state: Node) -> None:
    """Raise RefusedError when ``state`` (the last of ``instance.states``) must not be set on ``instance``."""
    if instance.function.pair == DTYPE:
        layout(instance)
        _close(state[4])
    if any(_is_distribution(named) for named in (instance.function, *_globals(instance.arguments))):
        _check_distribution(state)
    if instance.function.pair == _PARTIAL and not (isinstance(state, tuple) and state[0] in instance.arguments[:1]):
        raise RefusedError("it changes what functools.partial calls")
    of_catboost = made_of(instance).module == _CATBOOST and isinstance(state, Pairs)
    _check_attributes(state if isinstance(state, tuple) else (state,), _CATBOOST_BYTES if of_catboost else set())


def check_names(pairs: Iterable[tuple[Node, Node]], known: Collection[str] = ()) -> None:
    """Raise RefusedError when a key would change how an object behaves if it became an attribute of it.

    ``known`` are special keys that the class itself writes.
    """
    for key, value in pairs:
        special = type(key) is str and key.startswith("__") and key not in _HARMLESS and key not in known
        if type(key) is Call or special:
            raise RefusedError("it sets a special attribute of an instance")
        if type(key) is str and key in SPECIFICATIONS and value is not None:
            raise RefusedError("it holds a formula that statsmodels would run as Python code")


def bound_by_partial(call: Call) -> Global | None:
    """Return the function of which functools.partial binds arguments, None where ``call`` is something else."""
    first = call.arguments[0] if len(call.arguments) == 1 else None
    return first if call.function.pair == _PARTIAL and type(first) is Global else None


def is_own_method(instance: Call, name: str) -> bool:
    """Say whether ``name`` is a method that a distribution of scipy keeps as a value."""
    return name in _METHODS and _is_distribution(made_of(instance))


def _globals(arguments: tuple[Node, ...]) -> list[Global]:
    return [argument for argument in arguments if type(argument) is Global]


def _is_array(named: Global) -> bool:
    return named.pair in {_NDARRAY, DTYPE}


def _takes_arrays(function: Global) -> bool:
    return function.module.startswith("numpy.") and function.name in {"_reconstruct", "_mareconstruct"}


def _is_distribution(named: Global) -> bool:
    return named.module.startswith("scipy.stats") and not named.name.endswith("_frozen")


def _is_latin1(arguments: tuple[Node, ...]) -> bool:
    return len(arguments) == 2 and type(arguments[1]) is str and arguments[1] in {"latin1", "latin-1"}


def _close(fields: Node) -> None:
    """Numpy keeps the dict itself: adding to it later would change a dtype that was checked."""
    if isinstance(fields, Pairs):
        fields.closed = True


def _check_attributes(states: tuple[Node, ...], known: Collection[str] = ()) -> None:
    """Check each part of a state that may end up as attributes: the whole, or one of a tuple."""
    for part in states:
        if type(part) is Pairs:
            check_names(part.items, known)
        if type(part) is Call and (part.items or made_of(part).name in _MAPPINGS):
            raise RefusedError("it sets attributes whose names it computes")


def _check_distribution(state: Node) -> None:
    items = state.items if isinstance(state, Pairs) else []
    templates = [value for key, value in items if type(key) is str and key == "_parse_arg_template"]
    if any(type(key) is not str for key, _ in items) or len(templates) != 1 or not _is_scipys(templates[0]):
        raise RefusedError("it holds code that scipy.stats would run")


def _is_scipys(template: Node) -> bool:
    found = _FIRST_LINE.match(template) if type(template) is str else None
    if found is None:
        return False
    used = "loc, scale" if "scale" in found[2] else "loc, 1"
    return bool(template == _TEMPLATE.format(shapes=found[1], given=found[2], used=used))
