"""The target ``helm``: a chart whose values are what the workspace knows."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mlship import rendering
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import cluster, known
from mlship.targets.checks import checkov, programs
from mlship.targets.cluster import ClusterTarget

#: Rules of checkov that the rendered chart does not follow, and why.
_EXPLAINED = {
    "CKV_K8S_15": "a pod that starts again must not need the registry",
    "CKV_K8S_21": "helm sets the namespace",
    "CKV_K8S_43": "values.yaml pins the digest, where one is known",
}


class HelmTarget(ClusterTarget):
    """A Helm chart with values.schema.json: the same as the target kubernetes, for one release at a time."""

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write ``out``/manifests, which is the chart.

        Raises UsageError where no image was built, or options do not go together.
        """
        facts = known.read(inputs, self.image)
        name = self.called(facts)
        following = f"helm upgrade --install {name} . --namespace {name} --create-namespace"
        told = {"model": facts.signature.model, "task": facts.signature.task}
        progress("writing a Helm chart")
        written = rendering.render_tree("deploy/helm", out / "manifests", {**self.values(facts, following), **told})
        return self.outcome(facts, written, f"Helm chart for {facts.image}; next: {following}", *self.notes(facts))

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Have helm lint and render the chart, and hold what comes of it against schemas and checkov's rules."""
        with tempfile.TemporaryDirectory() as temporary:
            out = Path(temporary)
            progress("linting and rendering the chart")
            linted = programs.program("helm", ["lint", "--strict", "."], folder)
            made = programs.program("helm", ["template", "check", ".", "--output-dir", str(out)], folder)
            told = (replace(linted, validator="helm lint"), replace(made, validator="helm template"))
            if not made.passed:
                return told
            progress("holding what comes of it against schemas and rules")
            files = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*.yaml"))}
            return (*told, cluster.validated(files), checkov.check(out, "kubernetes", _EXPLAINED))
