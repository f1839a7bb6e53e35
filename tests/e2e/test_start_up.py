"""The command starts quickly: help loads no library that only a stage needs."""

import json
import subprocess
import sys

import pytest

from mlship.cli import COMMANDS
from tests.e2e.conftest import Mlship

HEAVY = {"numpy", "sklearn", "onnx", "onnxruntime", "docker", "pandas", "pydantic", "jinja2", "rich"}
LOADED = """
import json, sys
from mlship.cli import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, "--help"], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert HEAVY & set(json.loads(done.stderr)) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_opens_with_the_line_of_the_table(mlship: Mlship, command: str) -> None:
    ran = mlship(command, "--help", COLUMNS="200")
    assert ran.code == 0
    assert COMMANDS[command].rstrip(".") in ran.out
    assert "--json" in ran.out


def test_the_version_is_told(mlship: Mlship) -> None:
    from mlship import __version__

    assert mlship("--version").out == f"mlship {__version__}\n"


def test_completion_knows_the_commands(mlship: Mlship) -> None:
    ran = mlship(_MLSHIP_COMPLETE="complete_bash", COMP_WORDS="mlship sc", COMP_CWORD="1")
    assert ran.out.split() == ["scaffold"]
    assert "_MLSHIP_COMPLETE" in mlship("--show-completion", "bash").out
