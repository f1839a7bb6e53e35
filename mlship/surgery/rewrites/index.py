"""Who makes and who reads each value of a graph, kept up to date while the graph is rewritten."""

from collections import Counter
from collections.abc import Iterable, Sequence

import onnx

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.types import Type, types_of


class Index:
    """``graph``, the node that makes each value (``made``), and the type of each value that was there at first."""

    def __init__(self, graph: Graph, *, typed: bool = True) -> None:
        self.graph = graph
        self.made: dict[str, onnx.NodeProto] = {name: node for node in graph.nodes for name in node.output}
        self.types: dict[str, Type] = types_of(graph) if typed else {}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.nodes:
            self._enter(node)
        self.hidden = {name for node in graph.nodes for name in inner_reads(node)}

    def reader(self, value: str) -> onnx.NodeProto | None:
        """Return the node that reads ``value`` where nothing else does, no subgraph and no output among them."""
        readers = self._readers.get(value, [])
        return readers[0] if len(readers) == 1 and self.is_free(value) else None

    def readers(self, value: str) -> Sequence[onnx.NodeProto]:
        """Return the nodes that read ``value``, a node that reads it twice once; subgraphs are left out."""
        return self._readers.get(value, [])

    def is_free(self, value: str) -> bool:
        """Say whether ``value`` may vanish or be renamed: it is no output of the graph, and read in no subgraph."""
        return value not in self.graph.outputs and value not in self.hidden

    def width(self, value: str) -> int | None:
        """Return the number of columns of ``value``; None where it is not known to be a matrix, or how wide it is."""
        found = self.types.get(value)
        return found.width if found else None

    def dying(self, old: Iterable[onnx.NodeProto], new: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Return ``old`` and the nodes before them that nothing reads once ``new`` stand in their place."""
        gone, waiting = list[onnx.NodeProto](), list(old)
        left = Counter({name: len(readers) for name, readers in self._readers.items()})
        left.update(name for node in new for name in dict.fromkeys(node.input))
        while waiting:
            gone.append(node := waiting.pop())
            for name in dict.fromkeys(node.input):
                left[name] -= 1
                maker = self.made.get(name)
                if maker is None or any(maker is node for node in (*gone, *waiting)):
                    continue
                if all(not left[made] and self.is_free(made) for made in maker.output):
                    waiting.append(maker)
        return gone

    def replace(self, old: Sequence[onnx.NodeProto], new: Sequence[onnx.NodeProto]) -> None:
        """Put ``new`` where the last of ``old`` stands; ``old`` and what only they needed goes."""
        gone = self.dying(old, new)
        self.graph.replace(gone, new)
        for node in gone:
            for name in dict.fromkeys(node.input):
                self._readers[name] = [reader for reader in self._readers[name] if reader is not node]
            for name in node.output:
                if self.made.get(name) is node:
                    del self.made[name]
        for node in new:
            self._enter(node)
            self.made.update(dict.fromkeys(node.output, node))

    def rename(self, old: str, new: str) -> None:
        """Let the nodes that read ``old`` read ``new`` instead."""
        for node in self._readers.pop(old, []):
            node.input[:] = [new if name == old else name for name in node.input]
            others = self._readers.setdefault(new, [])
            if not any(node is other for other in others):
                others.append(node)

    def bypass(self, node: onnx.NodeProto, source: str) -> bool:
        """Let ``source`` stand for the output of ``node``, and take ``node`` out; False where a name forbids it."""
        value, maker = node.output[0], self.made.get(source)
        if not self.is_free(value):
            if value in self.hidden or maker is None or not self.is_free(source):
                return False
            maker.output[:] = [value if name == source else name for name in maker.output]
            self.made[value] = self.made.pop(source)
            self.rename(source, value)
        else:
            self.rename(value, source)
        self.replace([node], [])
        return True

    def _enter(self, node: onnx.NodeProto) -> None:
        for name in dict.fromkeys(node.input):
            self._readers.setdefault(name, []).append(node)


def inner_reads(node: onnx.NodeProto) -> set[str]:
    """Return the names that the subgraphs of ``node`` read."""
    names: set[str] = set()
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            names |= {name for inner in graph.node for name in (*inner.input, *inner_reads(inner))}
            names |= {item.name for item in graph.output}
    return names
