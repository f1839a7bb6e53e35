"""The target ``kubernetes``: a Kustomize base with overlays for staging and production."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from mlship import rendering
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import cluster, known
from mlship.targets.checks import checkov, programs
from mlship.targets.cluster import ClusterTarget, Namespace
from mlship.targets.known import Known

_OVERLAYS = ("staging", "production")
_NEXT = "kubectl apply -k overlays/staging, then overlays/production"

#: Rules of checkov that the files do not follow, and why.
_EXPLAINED = {
    "CKV_K8S_14": "the overlays set the tag or the digest",
    "CKV_K8S_15": "a pod that starts again must not need the registry",
    "CKV_K8S_21": "the overlays set the namespace",
    "CKV_K8S_43": "the overlays pin the digest, where one is known",
}


class KubernetesTarget(ClusterTarget):
    """Kustomize: Deployment, Service, autoscaler, disruption budget, network policy, Ingress or Gateway API."""

    namespace: Namespace | None = Field(
        None,
        description="of production, and of staging with -staging behind it, both there already; "
        "two new ones, called like the service",
    )

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write ``out``/manifests: base/, overlays/ and, with another image, canary/.

        Raises UsageError where no image was built, or options do not go together.
        """
        facts = known.read(inputs, self.image)
        values = {**self.values(facts, _NEXT), "namespace": self.namespace or self.called(facts)}
        values["makes_namespaces"] = self.namespace is None
        progress("writing Kubernetes manifests")
        without = () if self.canary_image else ("canary",)
        if self.namespace:  # others may use it, and what its pods may do is theirs to say
            without = (*without, *(f"overlays/{overlay}/namespace.yaml.j2" for overlay in _OVERLAYS))
        written = rendering.render_tree("deploy/kubernetes", out / "manifests", values, without=without)
        said = f"Kubernetes manifests for {facts.image}; next: {_NEXT}"
        return self.outcome(facts, written, said, *self.notes(facts))

    def notes(self, facts: Known) -> tuple[str, ...]:
        """Say what the files take for granted, and a cluster will not."""
        if self.namespace is None:
            return super().notes(facts)
        there = f"the namespaces {self.namespace} and {self.namespace}-staging are not made: they have to be there"
        return (*super().notes(facts), there)

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Build the overlays, and hold what comes of it against the schemas of Kubernetes and checkov's rules."""
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.yaml"))}
        with tempfile.TemporaryDirectory() as temporary:
            progress("building the overlays")
            built = tuple(_built(folder, Path(temporary)))
            files |= {path.name: path for path in sorted(Path(temporary).glob("*.yaml"))}
            progress("holding the manifests against the schemas of Kubernetes")
            valid = cluster.validated(files)
        progress("holding the manifests against the rules of checkov")
        return (*built, valid, checkov.check(folder, "kubernetes", _EXPLAINED))


def _built(folder: Path, out: Path) -> Iterator[Checked]:
    for overlay in _OVERLAYS:
        arguments = ["kustomize", f"overlays/{overlay}", "-o", str(out / f"{overlay}.yaml")]
        yield replace(programs.program("kubectl", arguments, folder), validator=f"kubectl kustomize overlays/{overlay}")
