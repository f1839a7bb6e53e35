"""Runs targets, and reads what they wrote."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mlship.plugins import load
from mlship.stages import Outcome

Run = Callable[..., Outcome]
Written = Callable[..., Mapping[str, bytes]]


class _Tags(yaml.SafeLoader):
    """Reads CloudFormation's short forms, such as !Ref Image, as their only argument."""


def _argument(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node)


_Tags.add_multi_constructor("!", _argument)


def stack(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return stack.yaml."""
    found: dict[str, Any] = yaml.load(files["stack.yaml"], _Tags)
    return found


def resources(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources in stack.yaml, by their name."""
    return {name: resource["Properties"] for name, resource in stack(files)["Resources"].items()}


def runs(inputs: Mapping[str, Path], out: Path) -> Run:
    """Return a function that runs a target by its name, with options."""

    def run(target: str, **options: Any) -> Outcome:
        found: Outcome = load("targets", target)(**options).run(inputs, out, lambda message, fraction=None: None)
        return found

    return run


def writes(inputs: Mapping[str, Path], out: Path) -> Written:
    """Return a function that runs a target and returns its files by name."""
    run = runs(inputs, out)

    def write(target: str, **options: Any) -> Mapping[str, bytes]:
        names = run(target, **options).facts["files"]
        return {name: (out / "manifests" / name).read_bytes() for name in names}

    return write
