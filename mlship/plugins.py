"""Plugins: a table of built-ins, the entry points of other packages, and the one place where a plugin is imported."""

import difflib
import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

from mlship.errors import PluginError
from mlship.extras import missing

Group = Literal["sources", "converters", "optimizers", "methods", "scaffolds", "benchmarks", "images", "targets"]
GROUPS: tuple[Group, ...] = get_args(Group)

#: name -> "module:class" of what mlship brings. A built-in name wins over an entry point of the same name.
BUILT_IN: dict[Group, dict[str, str]] = {
    "sources": {
        "catboost": "mlship.sources.catboost:CatBoostSource",
        "joblib": "mlship.sources.joblib:JoblibSource",
        "keras": "mlship.sources.keras:KerasSource",
        "lightgbm": "mlship.sources.lightgbm:LightGBMSource",
        "onnx": "mlship.sources.onnx:OnnxSource",
        "skops": "mlship.sources.skops:SkopsSource",
        "torch": "mlship.sources.torch:TorchSource",
        "xgboost": "mlship.sources.xgboost:XGBoostSource",
    },
    "converters": {
        "native": "mlship.converters.native:NativeConverter",
        "onnx": "mlship.converters.onnx:OnnxConverter",
        "pmml": "mlship.converters.pmml:PmmlConverter",
    },
    "optimizers": {"planner": "mlship.optimizers.planner:Planner"},
    "methods": {
        "distill": "mlship.optimizers.distill:Distill",
        "graph": "mlship.optimizers.graph:GraphRewrites",
        "prune": "mlship.optimizers.prune:Prune",
        "quantize": "mlship.optimizers.quantize:Quantize",
        "session": "mlship.optimizers.session:SessionTuning",
    },
    "scaffolds": {
        "asgi": "mlship.scaffolds.asgi:AsgiScaffold",
        "django": "mlship.scaffolds.django:DjangoScaffold",
        "fastapi": "mlship.scaffolds.fastapi:FastApiScaffold",
        "flask": "mlship.scaffolds.flask:FlaskScaffold",
    },
    "benchmarks": {"standard": "mlship.benchmarks.standard:StandardBenchmark"},
    "images": {
        "docker": "mlship.images.docker:DockerBuilder",
        "oci": "mlship.images.oci:OciBuilder",
    },
    "targets": {
        "aws-ecs": "mlship.targets.aws_ecs:EcsTarget",
        "aws-lambda": "mlship.targets.aws_lambda:LambdaTarget",
        "aws-sagemaker": "mlship.targets.aws_sagemaker:SageMakerTarget",
        "azure-container-apps": "mlship.targets.azure_container_apps:ContainerAppsTarget",
        "azure-ml": "mlship.targets.azure_ml:AzureMlTarget",
        "compose": "mlship.targets.compose:ComposeTarget",
        "helm": "mlship.targets.helm:HelmTarget",
        "kserve": "mlship.targets.kserve:KServeTarget",
        "kubernetes": "mlship.targets.kubernetes:KubernetesTarget",
        "triton": "mlship.targets.triton:TritonTarget",
    },
}


def names(group: Group) -> dict[str, str]:
    """List the plugins of a group: name -> where it comes from ("mlship", or the distribution that brings it)."""
    others = {point.name: point.dist.name if point.dist else "?" for point in _entry_points(group)}
    return dict(sorted(({**others} | dict.fromkeys(BUILT_IN[group], "mlship")).items()))


def load(group: Group, name: str) -> Any:
    """Import the plugin class ``name`` of ``group``.

    Raises PluginError for an unknown name, MissingDependencyError when a package that it needs is not installed.
    """
    target = BUILT_IN[group].get(name) or next((p.value for p in _entry_points(group) if p.name == name), None)
    if target is None:
        raise _unknown(group, name)
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise missing(error.name or module, f"plugin '{name}' of mlship.{group}") from error
    except AttributeError as error:
        raise PluginError(f"plugin '{name}' of mlship.{group}: {module} has no '{attribute}'") from error


def nearest(word: str, words: "list[str] | dict[str, Any]") -> str:
    """Return a hint that names the one of ``words`` that is really near, or lists them all."""
    # of three letters one may be wrong
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6 if len(word) <= 3 else 0.7)
    return f"did you mean '{close[0]}'?" if close else f"there is: {', '.join(words) or 'none'}"


def _entry_points(group: Group) -> list[EntryPoint]:
    return sorted(entry_points(group=f"mlship.{group}"), key=lambda point: point.name)


def _unknown(group: Group, name: str) -> PluginError:
    return PluginError(f"no plugin named '{name}' in mlship.{group}", nearest(name, names(group)))
