"""The target ``kserve``: an InferenceService with the image, and another with the ONNX file on Triton."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mlship import rendering
from mlship.errors import UsageError
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import cluster, known
from mlship.targets.canary import Canary
from mlship.targets.checks import programs
from mlship.targets.known import Known
from mlship.targets.options import DeployTarget

_CRD = "InferenceService CRD"
_ON_TRITON = "inferenceservice-triton.yaml"
_NEXT = "kubectl apply -f inferenceservice.yaml"


class KServeTarget(DeployTarget, Canary):
    """KServe: the image as a custom predictor, which speaks the Open Inference Protocol; and ONNX on Triton."""

    mode: Literal["RawDeployment", "Serverless"] = Field(
        "RawDeployment",
        description="RawDeployment, or Serverless (Knative), which a canary needs from the first deployment on",
    )
    max_replicas: int | None = Field(None, ge=1, description="how far the autoscaler goes; ten times replicas")
    pull_secret: cluster.Name | None = Field(None, description="name of the secret with which images are pulled")
    storage: str | None = Field(
        None, description="for Triton: where what `mlship deploy triton` writes lies, such as s3://models/iris"
    )
    crd: str | None = Field(None, description="for --check: file of the CustomResourceDefinition, of KServe's release")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write ``out``/manifests: inferenceservice.yaml and, where the model is ONNX, inferenceservice-triton.yaml.

        Raises UsageError where no image was built, or options do not go together.
        """
        if self.canary_image and self.mode != "Serverless":
            hint = "--set mode=Serverless, from the first deployment on"
            raise UsageError(f"{self.mode} sends no share of the requests elsewhere", hint)
        facts = known.read(inputs, self.image)
        self.refuse_same(facts.image)
        progress("writing InferenceServices")
        is_onnx = "service" in inputs and (inputs["service"] / "model" / "model.onnx").exists()
        without = () if is_onnx else (f"{_ON_TRITON}.j2",)
        written = rendering.render_tree("deploy/kserve", out / "manifests", self._values(facts), without=without)
        notes = cluster.unpushed(facts.image, self.canary_image)
        if not is_onnx:
            notes.append("the model is not ONNX, so there is no InferenceService for Triton")
        return self.outcome(facts, written, f"InferenceService for {facts.image}; next: {_NEXT}", *notes)

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Hold the files against KServe's own CustomResourceDefinition, where one is given."""
        if self.crd is None:
            return (Checked(_CRD, None, "not given: --set crd=FILE names that of your KServe"),)
        if not (programs.is_there("yaml") and programs.is_there("jsonschema")):
            return (Checked(_CRD, None, "PyYAML and jsonschema, which read it, are not installed"),)
        from mlship.targets.checks import resources  # here: it imports packages that need not be installed

        progress("holding the files against the CustomResourceDefinition")
        return (resources.check(_CRD, Path(self.crd), sorted(folder.glob("*.yaml"))),)

    def _values(self, facts: Known) -> dict[str, Any]:
        found = cluster.values(self, facts, _NEXT)
        image = self.canary_image or facts.image
        if not self.canary_image and found["reference"].digest:
            image = f"{found['reference'].repository}@{found['reference'].digest}"
        # clients ask KServe for the model by the name of its InferenceService
        environment = {"MODEL_NAME": found["name"], **found["environment"]}
        return {
            **found,
            "environment": dict(sorted(environment.items())),
            "served_image": image,
            "mode": self.mode,
            "max_replicas": cluster.most(self.replicas, self.max_replicas),
            "pull_secret": self.pull_secret,
            "canary": self.canary,
            "canary_image": self.canary_image,
            "storage": self.storage or f"pvc://models/{found['name']}",
        }
