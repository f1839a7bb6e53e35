"""The attributes of ONNX tree ensembles: from node to arrays and back, for both layouts that ai.onnx.ml has had.

Arrays go by the field names of ``mlship.surgery.trees.Ensemble``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mlship.errors import ModelError
from mlship.surgery.encoding import attach
from mlship.surgery.tree_layout import Bools, Ints, Numbering, Walk, numbered, ranges, walk

_MEMBER = 6
_MODES = (b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ")
_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
LABELS = ("classlabels_int64s", "classlabels_strings")


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of ``node`` by name: arrays for tensors and lists, bytes for text."""
    return {item.name: _value(item) for item in node.attribute}


def read_new(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a TreeEnsemble of ai.onnx.ml 5; raises ModelError where links or modes make no sense."""
    count, leaves = len(raw["nodes_featureids"]), len(raw["leaf_targetids"])
    none = np.full(leaves, -1)
    links = [
        np.concatenate([raw[f"nodes_{side}nodeids"] + np.where(raw[f"nodes_{side}leafs"] != 0, count, 0), none])
        for side in ("true", "false")
    ]
    trees = _walk(raw["tree_roots"], *links)
    inner, at_leaf = trees.left >= 0, np.flatnonzero(trees.left < 0)
    modes = raw["nodes_modes"].astype(np.uint8)
    if modes.size and modes.max() > _MEMBER:
        raise ModelError(f"a tree compares in mode {modes.max()}, which ai.onnx.ml 5 does not have")
    sets = _sets(modes, raw.get("membership_values"))
    leaf = trees.source[at_leaf] - count
    mode = _padded(modes, leaves)[trees.source]
    return {
        **_topology(trees),
        "feature": _padded(raw["nodes_featureids"], leaves)[trees.source],
        "threshold": _padded(raw["nodes_splits"], leaves)[trees.source],
        "mode": mode,
        "missing_left": _padded(_tracks(raw, count), leaves)[trees.source],
        "members": {int(place): sets[int(trees.source[place])] for place in np.flatnonzero((mode == _MEMBER) & inner)},
        "node": at_leaf,
        "target": raw["leaf_targetids"][leaf],
        "weight": raw["leaf_weights"][leaf],
        "n_targets": int(raw["n_targets"]),
        "aggregate": _AGGREGATES[raw.get("aggregate_function", 1)],
        "post_transform": _TRANSFORMS[raw.get("post_transform", 0)],
        "base_values": raw["nodes_splits"][:0],
    }


def read_old(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a TreeEnsembleClassifier or -Regressor; raises ModelError where they make no sense."""
    kind = "class" if "class_ids" in raw else "target"
    trees, modes, entry_node = _linked(raw, kind)
    missing = _tracks(raw, len(modes))
    order = np.argsort(entry_node, kind="stable")
    first = np.searchsorted(entry_node[order], trees.source)
    counts = np.searchsorted(entry_node[order], trees.source, side="right") - first
    counts[trees.left >= 0] = 0
    entries = order[ranges(first, counts)]
    labels = next((len(raw[name]) for name in LABELS if name in raw and len(raw[name])), 0)
    return {
        **_topology(trees),
        "feature": raw["nodes_featureids"][trees.source],
        "threshold": _either(raw, "nodes_values")[trees.source],
        "mode": np.where(trees.left < 0, 0, modes[trees.source]).astype(np.uint8),
        "missing_left": missing[trees.source] & (trees.left >= 0),
        "members": {},
        "node": np.repeat(np.arange(len(counts)), counts),
        "target": raw[f"{kind}_ids"][entries],
        "weight": _either(raw, f"{kind}_weights")[entries],
        "n_targets": int(raw.get("n_targets", labels)),
        "aggregate": raw.get("aggregate_function", b"SUM").decode(),
        "post_transform": raw.get("post_transform", b"NONE").decode(),
        "base_values": _either(raw, "base_values"),
    }


def write_new(fields: Mapping[str, Any], like: onnx.NodeProto) -> onnx.NodeProto:
    """Return a TreeEnsemble of ai.onnx.ml 5, in which equal leaves are one."""
    numbers = numbered(fields["sizes"], fields["left"], fields["right"])
    nodes, members = numbers.nodes, fields["members"]
    if not np.array_equal(fields["node"], np.flatnonzero(fields["left"] < 0)):
        raise ModelError("a leaf of TreeEnsemble holds one weight for one target, no more and no fewer")
    if len(fields["base_values"]):
        raise ModelError("TreeEnsemble has no base values; add a tree that is one leaf")
    inner = fields["left"][nodes] >= 0
    missing = fields["missing_left"][nodes] & inner
    optional: dict[str, Any] = {"nodes_missing_value_tracks_true": missing} if missing.any() else {}
    if members:
        optional["membership_values"] = _delimited([members[int(place)] for place in nodes if int(place) in members])
    return _node(
        like,
        n_targets=fields["n_targets"],
        aggregate_function=_AGGREGATES.index(fields["aggregate"]),
        post_transform=_TRANSFORMS.index(fields["post_transform"]),
        tree_roots=numbers.roots,
        nodes_featureids=np.where(inner, fields["feature"][nodes], 0),
        nodes_splits=_tensor(np.where(inner, fields["threshold"][nodes], 0).astype(fields["threshold"].dtype)),
        nodes_modes=_tensor(np.where(inner, fields["mode"][nodes], 0).astype(np.uint8)),
        **_leaves(fields, numbers),
        **optional,
    )


def write_old(fields: Mapping[str, Any], like: onnx.NodeProto) -> onnx.NodeProto:
    """Return a TreeEnsembleClassifier or -Regressor, double values as tensors."""
    classifier = like.op_type == "TreeEnsembleClassifier"
    kind = "class" if classifier else "target"
    sizes, left, node = fields["sizes"], fields["left"], fields["node"]
    tree = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(left)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    names = np.array([*_MODES, b"LEAF"])
    optional: dict[str, Any] = {} if classifier else {"n_targets": fields["n_targets"]}
    if not classifier:
        optional["aggregate_function"] = fields["aggregate"]
    if fields["missing_left"].any():
        optional["nodes_missing_value_tracks_true"] = fields["missing_left"]
    if len(fields["base_values"]):
        optional |= _typed("base_values", fields["base_values"])
    kept = {item.name: onnx.helper.get_attribute_value(item) for item in like.attribute if item.name in LABELS}
    return _node(
        like,
        nodes_treeids=tree,
        nodes_nodeids=place,
        nodes_truenodeids=np.maximum(left, 0),
        nodes_falsenodeids=np.maximum(fields["right"], 0),
        nodes_featureids=fields["feature"],
        nodes_modes=names[np.where(left < 0, len(_MODES), fields["mode"])].tolist(),
        post_transform=fields["post_transform"],
        **_typed("nodes_values", fields["threshold"]),
        **{f"{kind}_treeids": tree[node], f"{kind}_nodeids": place[node], f"{kind}_ids": fields["target"]},
        **_typed(f"{kind}_weights", fields["weight"]),
        **optional,
        **kept,
    )


def _leaves(fields: Mapping[str, Any], numbers: Numbering) -> dict[str, Any]:
    """Return the leaves, equal ones once, and the children that refer to them.

    ONNX Runtime makes a leaf of its own for each parent. Both children of a node are never the same leaf: versions up
    to 1.29 at least then answer wrongly.
    """
    entry = np.searchsorted(fields["node"], numbers.leaves)
    target, weight = fields["target"][entry], fields["weight"][entry]
    bits = weight.view(np.int64 if weight.dtype == np.float64 else np.int32)
    _, values = np.unique(bits, return_inverse=True)
    _, first, row = np.unique(target * np.int64(len(bits)) + values, return_index=True, return_inverse=True)
    (true, true_leaf), (false, false_leaf) = numbers.children["true"], numbers.children["false"]
    true, false = np.where(true_leaf, row[true * true_leaf], true), np.where(false_leaf, row[false * false_leaf], false)
    twins = np.flatnonzero(true_leaf & false_leaf & (true == false))
    again, other = np.unique(false[twins], return_inverse=True)
    false[twins] = len(first) + other
    rows = np.concatenate([first, first[again]])
    return {
        "leaf_targetids": target[rows],
        "leaf_weights": _tensor(weight[rows]),
        "nodes_truenodeids": true,
        "nodes_falsenodeids": false,
        "nodes_trueleafs": true_leaf,
        "nodes_falseleafs": false_leaf,
    }


def _linked(raw: Mapping[str, Any], kind: str) -> tuple[Walk, Ints, Ints]:
    """Return the trees, each listed node's mode, and the listed node that each weight belongs to."""
    ids = raw["nodes_treeids"]
    fresh = np.diff(ids, prepend=ids[0] - 1) != 0
    base = max(int(raw["nodes_nodeids"].max()), 0) + 1
    lowest = int(ids.min())
    keys = (ids - lowest) * base + raw["nodes_nodeids"]
    order = np.argsort(keys, kind="stable")
    if len(np.unique(ids)) != np.count_nonzero(fresh) or (np.diff(keys[order]) == 0).any():
        raise ModelError("the nodes of a tree are not listed together, or one is listed twice")

    def place(tree: Ints, node: Ints) -> Ints:
        wanted = (tree - lowest) * base + node
        found = order[np.minimum(np.searchsorted(keys[order], wanted), len(order) - 1)]
        if not np.array_equal(keys[found], wanted):
            raise ModelError("a tree refers to a node that it does not have")
        return found

    modes, leaf = _modes(raw["nodes_modes"])
    links = []
    for side in ("true", "false"):
        link = np.full(len(ids), -1)
        link[~leaf] = place(ids[~leaf], raw[f"nodes_{side}nodeids"][~leaf])
        links.append(link)
    trees = _walk(np.flatnonzero(fresh), *links)
    return trees, modes, place(raw[f"{kind}_treeids"], raw[f"{kind}_nodeids"])


def _modes(names: NDArray[np.bytes_]) -> tuple[Ints, Bools]:
    found, codes = np.unique(names, return_inverse=True)
    unknown = set(found.tolist()) - {*_MODES, b"LEAF"}
    if unknown:
        raise ModelError(f"a tree compares in mode '{min(unknown).decode()}', which is not known")
    table = np.array([0 if name == b"LEAF" else _MODES.index(name) for name in found.tolist()], dtype=np.int64)
    return table[codes], (found == b"LEAF")[codes]


def _walk(roots: Ints, left: Ints, right: Ints) -> Walk:
    if not len(roots):
        raise ModelError("a tree ensemble has no trees")
    if max(left.max(), right.max(), roots.max()) >= len(left):
        raise ModelError("a tree refers to a node that it does not have")
    return walk(roots, left, right)


def _topology(trees: Walk) -> dict[str, Ints]:
    return {"sizes": trees.sizes, "left": trees.left, "right": trees.right}


def _padded(array: NDArray[Any], leaves: int) -> NDArray[Any]:
    """Return values of inner nodes, then zeros for the leaves."""
    return np.concatenate([array, np.zeros(leaves, dtype=array.dtype)])


def _tracks(raw: Mapping[str, Any], count: int) -> Bools:
    found = raw.get("nodes_missing_value_tracks_true", ())
    return np.asarray(found) != 0 if len(found) else np.zeros(count, dtype=bool)


def _either(raw: Mapping[str, Any], name: str) -> NDArray[Any]:
    """Return numbers that are there as floats, or as a tensor of floats or doubles."""
    found = raw.get(f"{name}_as_tensor", raw.get(name))
    return np.empty(0, dtype=np.float32) if found is None else np.asarray(found)


def _sets(modes: Ints, values: NDArray[Any] | None) -> dict[int, NDArray[Any]]:
    if values is None:
        return {}
    parts = np.split(values, np.flatnonzero(np.isnan(values)) + 1)
    return {int(node): part[:-1] for node, part in zip(np.flatnonzero(modes == _MEMBER), parts, strict=False)}


def _delimited(sets: Sequence[NDArray[Any]]) -> onnx.TensorProto:
    """Join sets of values, each followed by NaN."""
    return _tensor(np.concatenate([np.append(values, values.dtype.type(np.nan)) for values in sets]))


def _value(item: onnx.AttributeProto) -> Any:
    if item.type == onnx.AttributeProto.INTS:
        return np.array(item.ints, dtype=np.int64)
    if item.type == onnx.AttributeProto.FLOATS:
        return np.array(item.floats, dtype=np.float32)
    value = onnx.helper.get_attribute_value(item)
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.array(value) if isinstance(value, list) else value


def _tensor(array: NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(array))


def _typed(name: str, values: NDArray[Any]) -> dict[str, Any]:
    return {name: values.tolist()} if values.dtype == np.float32 else {f"{name}_as_tensor": _tensor(values)}


def _node(like: onnx.NodeProto, **values: Any) -> onnx.NodeProto:
    node = onnx.NodeProto(
        op_type=like.op_type, domain=like.domain, name=like.name, input=like.input, output=like.output
    )
    attach(node, values)
    return node
