"""The options that every target has."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from mlship import rendering
from mlship.errors import UsageError
from mlship.stages import Outcome, Target
from mlship.targets import known
from mlship.targets.known import Known

_SECRET = re.compile(
    r"(?i)((^|_|API|ACCESS)KEYS?|KEY_ID|TOKEN|SECRET|(^|_)PASS|PASSWORD|PASSWD|CREDENTIALS?|OTLP_HEADERS)$"
)
_WITH_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def _check_environment(variables: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in variables.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"'{name}' cannot be the name of a variable", "letters, digits and underscores")
        if _SECRET.search(name) or _WITH_PASSWORD.search(value):
            message = f"{name} looks like a secret, and would stand in the files as plain text"
            raise UsageError(message, "--set api_keys_secret=NAME names the secret that holds the API keys")
    return variables


class DeployTarget(Target):
    """Fills the templates of one platform with what the workspace knows."""

    name: Annotated[str, AfterValidator(known.label)] | None = Field(
        None, description="of the service, a DNS label; that of the image where it is not given"
    )
    image: str | None = Field(None, description="image to deploy, such as registry.example/iris:1; the one built last")
    replicas: int = Field(2, ge=1, le=1000, description="copies of the service")
    env: Annotated[dict[str, str], AfterValidator(_check_environment)] = Field(
        {}, description="settings of the service, such as ACCESS_LOG; secrets are refused"
    )
    api_keys_secret: str | None = Field(
        None, description="name of the platform's secret that holds API_KEYS; it is referenced, never written"
    )

    def called(self, facts: Known) -> str:
        """Return the name of the service."""
        return self.name or known.default_name(facts.image)

    def write(self, out: Path, template: str, values: Mapping[str, Any]) -> list[str]:
        """Fill ``templates/deploy/TEMPLATE`` with ``values`` below ``out``/manifests; return the names of the files."""
        return rendering.render_tree(f"deploy/{template}", out / "manifests", values)

    def outcome(self, facts: Known, written: list[str], summary: str, *notes: str) -> Outcome:
        """Return what the stage leaves behind."""
        told = [f"not measured, so assumed: {', '.join(facts.assumptions)}"] if facts.assumptions else []
        if facts.is_short:
            limit = (
                f"{facts.memory_limit} MiB may not do for the largest requests, which took all memory when it was built"
            )
            told.append(f"{limit}: lower them with --set env.MAX_ROWS=1000, or mlship build --set memory=2g")
        return Outcome({"manifests": "manifests"}, summary, {**known.told(facts), "files": written}, (*told, *notes))
