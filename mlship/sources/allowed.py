"""The exact list of names that a model file may import: classes and functions, never whole modules.

It is written by scripts/allowlist.py. ``call`` names may be called with any arguments while the file is loaded; of
``make`` names an instance may be made without arguments, whose state is then set; ``refer`` names may only be kept as
a value (the function of a FunctionTransformer, a metric, a dtype), and ``bind`` names also by functools.partial.
"""

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TypeAlias

from mlship.sources.machine import Walk

_Names: TypeAlias = frozenset[tuple[str, str]]
_FILE = Path(__file__).with_name("allowed.json")


def untrusted(found: Walk, trust: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names that are on no list and not in ``trust``, sorted, as "module.name"."""
    call, make, refer, bind = _lists()
    bad = (found.globals.keys() - call - make - refer) | (found.made - call - make) | (found.called - call)
    bad |= found.bound - bind
    return tuple(sorted({".".join(pair) for pair in bad} - set(trust)))


@cache
def _lists() -> tuple[_Names, _Names, _Names, _Names]:
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    return _pairs(content["call"]), _pairs(content["make"]), _pairs(content["refer"]), _pairs(content["bind"])


def _pairs(names: dict[str, list[str]]) -> _Names:
    return frozenset((module, name) for module, members in names.items() for name in members)
