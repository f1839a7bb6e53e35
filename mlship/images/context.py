"""The build context: a folder that any engine builds without a network, by mlship or by hand."""

from pathlib import Path

from mlship import rendering
from mlship.artifacts import write_atomic
from mlship.images import parts
from mlship.images.plan import Plan


def write(plan: Plan, context: Path, created: int) -> None:
    """Complete ``context``, in which the parts of ``plan`` lie already: requirements.lock, Dockerfile."""
    write_atomic(context / "requirements.lock", "".join(f"{line}\n" for line in plan.lock).encode())
    rendering.render_tree("image", context, {"plan": plan})
    parts.normalise(context, created)
