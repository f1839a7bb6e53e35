"""What stands at the head of every file: from which image it was made, what to type next, what was assumed."""

from typing import Any

from mlship.targets import references
from mlship.targets.known import Known


def values(facts: Known, following: str) -> dict[str, Any]:
    """Return what the head of a file is filled with; ``following`` is the command to type next.

    Raises UsageError for what is no name of an image.
    """
    return {
        "facts": facts,
        "image": facts.image,
        "registry": registry(facts.image),
        "next": following,
        "assumed": facts.assumptions,
    }


def registry(image: str) -> str:
    """Return the host in the name of an image, or ""; raises UsageError for what is no name of an image."""
    return references.parse(image).registry


def unpushed(image: str, example: str) -> list[str]:
    """Return the note that ``image`` has to be pushed, where its name tells no registry; ``example`` is one."""
    if registry(image):
        return []
    return [f"'{image}' tells no registry: push it to one that the platform pulls from, and --image {example}/{image}"]


def stack(name: str) -> str:
    """Return the command that deploys stack.yaml as the stack ``name``."""
    return f"aws cloudformation deploy --template-file stack.yaml --stack-name {name} --parameter-overrides ..."
