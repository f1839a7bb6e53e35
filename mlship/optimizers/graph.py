"""A graph with fewer and cheaper steps and the same answers: mlship's own rewrites, then ONNX Runtime's."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx

from mlship.errors import ModelError
from mlship.optimization import Advice, Candidate, Method, Task
from mlship.parity import tolerance_of
from mlship.runtime import save_optimised
from mlship.surgery.graph import ONNX, Graph
from mlship.surgery.rewrites import trees
from mlship.surgery.rewrites.constants import fold_constants
from mlship.surgery.rewrites.imputers import encode_missing, join_imputers
from mlship.surgery.rewrites.labels import simplify_labels
from mlship.surgery.rewrites.onehot import gather_one_hot
from mlship.surgery.rewrites.products import fold_affine
from mlship.surgery.rewrites.proof import Proof, Rewrite, Rewritten, proven, rewritten
from mlship.surgery.rewrites.rows import trial_rows
from mlship.surgery.rewrites.tidy import remove_no_ops, share_repeats
from mlship.surgery.rewrites.unused import unused_columns

#: What applies to any graph and is quick, by what is said when it did, in the order in which it is tried.
QUICK: Mapping[str, Rewrite] = {
    "step without effect removed": remove_no_ops,
    "missing value looked up with the others": encode_missing,
    "missing values filled together": join_imputers,
    "one-hot product looked up": gather_one_hot,
    "affine chain folded": fold_affine,
    "label lookup simplified": simplify_labels,
    "repeated step shared": share_repeats,
}
OTHERS: Mapping[str, Rewrite] = {**QUICK, "constant computed": fold_constants}
REWRITES: Mapping[str, Rewrite] = {
    **OTHERS,
    **{rewrite.__name__.replace("_", " "): rewrite for rewrite in trees.REWRITES},
}

#: The rewrites know the operators from this version of ONNX on.
_OLDEST = 13

#: Models of more bytes are not rewritten for an advice only.
_LARGEST = 100_000_000


class GraphRewrites(Method):
    """Rewrite the graph without changing its answers: fold, look up, share and leave out."""

    rank: ClassVar[int] = 10
    again: ClassVar[int] = 35

    def advise(self, base: Candidate, task: Task) -> Advice:
        """Say how many nodes fall away, as a dry run of the quick rewrites finds."""
        graph = Graph(base.model)
        if not graph.nodes:
            return Advice(applies=False, why="the graph has no steps")
        kinds = graph.kinds()
        ensembles = sum(count for kind, count in kinds.items() if kind.startswith("TreeEnsemble"))
        if graph.versions.get(ONNX, 0) < _OLDEST:
            why = f"its operators are of ONNX {graph.versions.get(ONNX, 0)}, so only ONNX Runtime's own rewrites apply"
            return Advice(applies=True, why=why)
        if base.model.ByteSize() > _LARGEST:
            return Advice(applies=True, why=f"{len(graph.nodes)} nodes, of which {ensembles} hold trees, can be tried")
        found = rewritten(base.model, QUICK)
        if not found.counts:
            tried = "the rewrites of trees and " if ensembles else ""
            return Advice(applies=True, why=f"nothing folds; {tried}ONNX Runtime's own rewrites can be tried")
        return Advice(applies=True, why=_sentence(found))

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        """Yield the rewritten graph, that with trees as they were, and that as ONNX Runtime optimises it.

        Each is proved on given and made-up rows.
        """
        given = {name: np.concatenate([values, task.judge.inputs[name]]) for name, values in task.fit.inputs.items()}
        proof = Proof(base.model, trial_rows(task.signature, given, task.seed), tolerance_of(task.signature))
        recent = Graph(base.model).versions.get(ONNX, 0) >= _OLDEST
        found = proven(base.model, REWRITES if recent else {}, proof.holds, task.left)
        if found.counts:
            yield base.changed("graph", "rewritten", found.model, lossless=True, facts=_facts(found, task))
        if not found.counts.keys() <= OTHERS.keys() and task.left() > 0:
            others = proven(base.model, OTHERS, proof.holds, task.left)
            name = "rewritten, trees as they were"
            if others.counts:
                yield base.changed("graph", name, others.model, lossless=True, facts=_facts(others, task))
        if task.left() > 0 and (model := _by_onnxruntime(found.model)) is not None and proof.holds(model):
            facts = _facts(found, task) | {"nodes": f"{found.before} -> {len(model.graph.node)}"}
            name = "rewritten, also by ONNX Runtime" if found.counts else "rewritten by ONNX Runtime"
            yield base.changed("graph", name, model, lossless=True, facts=facts)


def _by_onnxruntime(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the graph as ONNX Runtime saves it; None where it changes nothing, or cannot."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "optimised.onnx"
        source.write_bytes(model.SerializeToString())
        try:
            save_optimised(source, target)
        except ModelError:
            return None
        found = onnx.load(target)
    return None if Graph(found).kinds() == Graph(model).kinds() else found


def _facts(found: Rewritten, task: Task) -> dict[str, Any]:
    unused = unused_columns(Graph(found.model))
    names = [item.name for item in task.signature.columns if item.index in unused.get(item.tensor, [])]
    facts: dict[str, Any] = {"rewrites": dict(found.counts), "nodes": f"{found.before} -> {found.after}"}
    facts |= {"dropped": list(found.dropped)} if found.dropped else {}
    return facts | ({"unused_inputs": names} if names else {})


def _sentence(found: Rewritten) -> str:
    done = ", ".join(f"{name} ({count})" for name, count in found.counts.items())
    return f"{found.before - found.after} of {found.before} nodes can go: {done}"
