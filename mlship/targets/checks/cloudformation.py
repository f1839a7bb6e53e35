"""What looks at CloudFormation templates: cfn-lint and checkov."""

from pathlib import Path

from mlship.stages import Checked
from mlship.targets.checks import checkov
from mlship.targets.checks.programs import program

#: The file that the AWS targets write.
STACK = "stack.yaml"


def cloudformation(folder: Path) -> tuple[Checked, ...]:
    """Have the template ``folder``/stack.yaml looked at; rules that it does not follow are skipped in it, with why."""
    return program("cfn-lint", ["--template", STACK], folder), checkov.check(folder, "cloudformation", {})
