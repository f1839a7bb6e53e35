"""Every scaffold writes the same service, byte for byte, from the same artifacts."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlship import artifacts, rendering
from mlship.errors import DamagedWorkspaceError, DataError
from mlship.golden import Golden
from mlship.plugins import load
from mlship.signature import MISSING_STRING, Column, Output, Signature, Tensor
from mlship.stages import Outcome

SERVERS = {"asgi": "uvicorn", "fastapi": "uvicorn", "flask": "granian", "django": "granian"}
FILLED_IN = ("README.md", "requirements.txt")


def scaffold(inputs: Mapping[str, Path], out: Path, framework: str = "fastapi", **options: Any) -> Outcome:
    outcome: Outcome = load("scaffolds", framework)(**options).run(inputs, out, lambda message, fraction=None: None)
    return outcome


@pytest.fixture
def fixed(cases: Mapping[str, Any]) -> Any:
    """A case of round figures, so that no library's last digit shows in golden files."""
    columns = (
        Column(
            name="fare | paid", type="number", tensor="fare | paid", index=0, nullable=True, minimum=0.5, maximum=99
        ),
        Column(name="home.dest", type="string", tensor="home.dest", index=0, categories=("Köln", "it's")),
        Column(name="年龄", type="integer", tensor="年龄", index=0),
    )
    kinds: tuple[Any, ...] = ("number", "string", "number")
    signature = Signature(
        model="Pipeline(OneHotEncoder, RandomForestClassifier)",
        task="classifier",
        named=True,
        columns=columns,
        tensors=tuple(
            Tensor(name=column.name, kind=kind, width=1) for column, kind in zip(columns, kinds, strict=True)
        ),
        outputs=(
            Output(name="prediction", type="boolean"),
            Output(name="probabilities", type="number", width=2, classes=(False, True)),
        ),
    )
    golden = Golden(
        {
            "fare | paid": np.array([[np.inf], [7.25], [np.nan], [12.5]]),
            "home.dest": np.array([["Köln"], ["it's"], ["Köln"], [MISSING_STRING]], dtype=object),
            "年龄": np.array([[1.0], [20.0], [3.0], [4.0]]),
        },
        {
            "prediction": np.array([0, 1, 0, 1]),
            "probabilities": np.array([[0.75, 0.25], [0.25, 0.75], [1.0, 0.0], [0.0, 1.0]]),
        },
        ("sample", "sample", "sample", "stress: missing"),
    )
    return type(cases["numeric"])(signature, golden, b"not looked at")


@pytest.mark.parametrize("framework", SERVERS)
def test_the_rendered_files_are_as_agreed(
    fixed: Any, tmp_path: Path, assert_golden: Callable[[str, Mapping[str, bytes]], None], framework: str
) -> None:
    outcome = scaffold(fixed.write(tmp_path), tmp_path, framework)
    service = tmp_path / "service"
    rendered = {name: (service / name).read_bytes() for name in (*FILLED_IN, "model/examples.json")}
    listing = "".join(f"{name}\n" for name in outcome.facts["files"])
    assert_golden(framework, {**rendered, "files.txt": listing.encode()})


@pytest.mark.parametrize("framework", SERVERS)
def test_the_code_is_the_template_as_it_stands(fixed: Any, tmp_path: Path, framework: str) -> None:
    scaffold(fixed.write(tmp_path), tmp_path, framework)
    source, service = rendering.templates() / "service", tmp_path / "service"
    folders = (source, source / "apps" / framework, source / "servers" / SERVERS[framework])
    for name in artifacts.files(service):
        if name not in FILLED_IN and not name.startswith("model/"):
            [origin] = [folder / name for folder in folders if (folder / name).exists()]
            assert (service / name).read_bytes() == origin.read_bytes()


@pytest.mark.parametrize("grpc", [False, True])
@pytest.mark.parametrize("framework", SERVERS)
def test_the_readme_names_every_file_and_no_other(fixed: Any, tmp_path: Path, framework: str, grpc: bool) -> None:
    outcome = scaffold(fixed.write(tmp_path), tmp_path, framework, grpc=grpc)
    table = (tmp_path / "service" / "README.md").read_text().partition("## What each file is for")[2]
    named = set(re.findall(r"`([\w./]+(?:\.py|/))`", table))
    unnamed = {"README.md", "requirements.txt", "pyproject.toml", "core/__init__.py"}
    written = set(outcome.facts["files"]) - unnamed
    folders = {name for name in named if name.endswith("/")}
    assert {name for name in written if not name.startswith(tuple(folders))} == named - folders
    assert all(any(name.startswith(folder) for name in written) for folder in folders)


@pytest.mark.parametrize("framework", SERVERS)
def test_the_readme_names_every_setting(fixed: Any, tmp_path: Path, framework: str) -> None:
    scaffold(fixed.write(tmp_path), tmp_path, framework)
    service = tmp_path / "service"
    read = "".join((service / "core" / name).read_text() for name in ("settings.py", "running/start.py"))
    settings = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', read))
    table = (service / "README.md").read_text().partition("## Settings")[2].partition("## ")[0]
    assert set(re.findall(r"`([A-Z_]+)`", table)) >= settings
    assert len(settings) > 20


@pytest.mark.parametrize(("framework", "other"), [("asgi", "wsgi"), ("flask", "asgi")])
def test_code_that_a_service_does_not_need_is_left_out(fixed: Any, tmp_path: Path, framework: str, other: str) -> None:
    plain = set(scaffold(fixed.write(tmp_path), tmp_path / "plain", framework).facts["files"])
    grpc = set(scaffold(fixed.write(tmp_path), tmp_path / "grpc", framework, grpc=True).facts["files"])
    assert f"core/fronts/{other}.py" not in plain
    assert {name.rpartition("/")[0] for name in grpc - plain} == {"core/grpc"}
    assert "grpcio" in (tmp_path / "grpc" / "service" / "requirements.txt").read_text()


def test_the_facts_list_every_file_and_the_artifact_is_the_folder(fixed: Any, tmp_path: Path) -> None:
    outcome = scaffold(fixed.write(tmp_path), tmp_path)
    assert outcome.artifacts == {"service": "service"}
    assert outcome.facts["files"] == artifacts.files(tmp_path / "service")


def test_the_same_artifacts_make_the_same_bytes(fixed: Any, tmp_path: Path) -> None:
    inputs = fixed.write(tmp_path)
    for name in ("first", "second"):
        scaffold(inputs, tmp_path / name)
    assert artifacts.digest(tmp_path / "first") == artifacts.digest(tmp_path / "second")


def test_the_model_folder_holds_the_artifacts_unchanged(fixed: Any, tmp_path: Path) -> None:
    inputs = fixed.write(tmp_path) | {"session": tmp_path / "session.json"}
    inputs["session"].write_text('{"intra_op_num_threads": 2}')
    scaffold(inputs, tmp_path)
    for kind, name in {"onnx": "model.onnx", "signature": "signature.json", "session": "session.json"}.items():
        assert (tmp_path / "service" / "model" / name).read_bytes() == inputs[kind].read_bytes()


def test_without_measured_threads_there_is_no_session_file(fixed: Any, tmp_path: Path) -> None:
    scaffold(fixed.write(tmp_path), tmp_path)
    assert not (tmp_path / "service" / "model" / "session.json").exists()


def test_examples_are_rows_that_json_and_the_columns_take(fixed: Any, tmp_path: Path) -> None:
    scaffold(fixed.write(tmp_path), tmp_path)
    one, several = json.loads((tmp_path / "service" / "model" / "examples.json").read_bytes())["examples"]
    assert one["features"] == {"features": [[7.25, "it's", 20]]}
    assert one["answer"] == {"prediction": [True], "probabilities": [[0.25, 0.75]]}
    assert several["features"] == {"features": [[7.25, "it's", 20], [None, "Köln", 3]]}
    assert several["records"]["records"][1] == {"fare | paid": None, "home.dest": "Köln", "年龄": 3}


def test_a_golden_set_that_json_cannot_carry_is_an_error(fixed: Any, tmp_path: Path) -> None:
    case = type(fixed)(fixed.signature, fixed.golden.take([0]), b"")
    with pytest.raises(DataError, match="no golden row"):
        scaffold(case.write(tmp_path), tmp_path)


def test_a_damaged_signature_is_named(fixed: Any, tmp_path: Path) -> None:
    inputs = fixed.write(tmp_path)
    inputs["signature"].write_text("{}")
    with pytest.raises(DamagedWorkspaceError, match=r"signature\.json"):
        scaffold(inputs, tmp_path)


def test_a_model_with_hundreds_of_columns_has_a_readme_that_can_be_read(
    cases: Mapping[str, Any], tmp_path: Path
) -> None:
    width = 600
    signature = Signature(
        model="LinearRegression",
        task="regressor",
        named=False,
        columns=tuple(Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(width)),
        tensors=(Tensor(name="features", kind="number", width=width),),
        outputs=(Output(name="prediction", type="number"),),
    )
    golden = Golden({"features": np.full((2, width), 0.1)}, {"prediction": np.ones(2)}, ("sample",) * 2)
    scaffold(type(cases["numeric"])(signature, golden, b"").write(tmp_path), tmp_path)
    readme = (tmp_path / "service" / "README.md").read_text()
    assert "and 550 more" in readme
    assert max(map(len, readme.splitlines())) < 2_500
