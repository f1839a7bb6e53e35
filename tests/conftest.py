"""What all tests share: golden files, a container engine with a base image, and small models with their service."""

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import numpy as np
import pytest
from docker import DockerClient

from mlship import golden as golden_set
from mlship import signature as signatures
from mlship.errors import EngineMissingError
from mlship.golden import Golden
from mlship.images.engine import connect
from mlship.rendering import templates
from mlship.signature import MISSING_STRING, Column, Output, Signature, Tensor

GOLDEN = Path(__file__).parent / "golden"
NO_ENGINE = "no container engine: start one to run the docker tests"
SCRIPT = Path(__file__).parents[1] / "scripts" / "ci-engine.sh"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew instead of comparing")


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest) -> Callable[[str, Mapping[str, bytes]], None]:
    """Return a function that holds rendered files against tests/golden/NAME, byte for byte."""

    def compare(name: str, files: Mapping[str, bytes]) -> None:
        folder = GOLDEN / name
        kept = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        if request.config.getoption("--update-golden"):
            for stale in kept.keys() - files.keys():
                kept[stale].unlink()
            for relative, content in files.items():
                (folder / relative).parent.mkdir(parents=True, exist_ok=True)
                (folder / relative).write_bytes(content)
            return
        assert sorted(kept) == sorted(files), "pytest --update-golden writes them anew"
        for relative, path in kept.items():
            assert files[relative].decode() == path.read_bytes().decode(), f"{relative}: see pytest --update-golden"

    return compare


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """Reach the container engine; without one the test is skipped, or fails where an engine is a must."""
    try:
        client = connect()
    except EngineMissingError as error:
        _without(f"{NO_ENGINE} ({error.message})")
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(engine: DockerClient) -> str:
    """Name a base image with Python that needs no registry; it is made where the engine lacks it."""
    name = os.environ.get("MLSHIP_TEST_BASE", "mlship-test-base:bookworm")
    try:
        engine.images.get(name)
    except docker.errors.ImageNotFound:
        if shutil.which("mmdebstrap") is None:
            _without(f"no base image '{name}', and no mmdebstrap to make it: {SCRIPT.name}")
        subprocess.run(["bash", str(SCRIPT), "base"], check=True, env=os.environ | {"MLSHIP_TEST_BASE": name})
    return name


def _without(reason: str) -> None:
    if os.environ.get("CI") or os.environ.get("MLSHIP_REQUIRE_DOCKER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Case:
    """A model ready to be served: what the stages before the scaffold leave behind."""

    signature: Signature
    golden: Golden
    model: bytes

    def write(self, folder: Path) -> dict[str, Path]:
        """Write the artifacts below ``folder`` and return a stage's inputs."""
        names = {"onnx": "model.onnx", "signature": "signature.json", "golden": "golden.npz"}
        inputs = {kind: folder / name for kind, name in names.items()}
        inputs["onnx"].write_bytes(self.model)
        signatures.write(self.signature, inputs["signature"])
        golden_set.write(self.golden, inputs["golden"])
        return inputs


@pytest.fixture(scope="session")
def cases() -> Mapping[str, Case]:
    """Return models by name: "numeric" (iris), "mixed" (strings, numbers, missing values), "switch" (true or false)."""
    return {"numeric": _numeric(), "mixed": _mixed(), "switch": _switch()}


@pytest.fixture(scope="session")
def scaffolded(cases: Mapping[str, Case], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that makes the service folder of a case, once a session."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            from mlship.scaffolds.fastapi import FastApiScaffold

            folder = tmp_path_factory.mktemp(name)
            FastApiScaffold().run(cases[name].write(folder), folder, lambda message, fraction=None: None)
            made[name] = folder / "service"
        return made[name]

    return make


Post = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="session")
def service_code(scaffolded: Callable[[str], Path]) -> Iterator[Callable[[str], Any]]:
    """Return a function that imports a module of templates/service ("app", "core.decode") as the service would."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(templates() / "service")
        with pytest.MonkeyPatch.context() as environment:  # not for longer: real services inherit the environment
            environment.setenv("MODEL_DIR", str(scaffolded("numeric") / "model"))
            importlib.import_module("app")
        yield importlib.import_module
    for name in [name for name in sys.modules if name in {"app", "core"} or name.startswith("core.")]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def served(scaffolded: Callable[[str], Path], service_code: Callable[[str], Any]) -> Iterator[Callable[..., Post]]:
    """Return a function that loads the service of a case in this process and returns how to ask it.

    Asking (method, url, body) gives the status and the JSON of the answer.
    """
    import httpx

    loop = asyncio.new_event_loop()
    clients: list[httpx.AsyncClient] = []

    def serve(name: str | Path, **limits: Any) -> Post:
        model = name / "model" if isinstance(name, Path) else scaffolded(name) / "model"
        settings = service_code("core.settings").Settings(model_dir=model, **limits)
        transport = httpx.ASGITransport(service_code("app").create_app(settings))
        client = httpx.AsyncClient(transport=transport, base_url="http://service")
        clients.append(client)

        def ask(method: str, url: str, body: Any = None) -> tuple[int, Any]:
            content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            answer = loop.run_until_complete(client.request(method, url, content=content))
            is_json = answer.headers["content-type"] == "application/json"
            return answer.status_code, answer.json() if is_json else answer.text

        return ask

    yield serve
    for client in clients:
        loop.run_until_complete(client.aclose())
    loop.close()


def _numeric() -> Case:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, target = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(rows, target)
    outputs = {"prediction": model.predict(rows), "probabilities": model.predict_proba(rows)}
    names = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    columns = tuple(
        Column(name=name, type="number", tensor="features", index=index, minimum=0.1, maximum=7.9)
        for index, name in enumerate(names)
    )
    signature = Signature(
        model="LogisticRegression",
        task="classifier",
        named=True,
        columns=columns,
        tensors=(Tensor(name="features", kind="number", width=4),),
        outputs=(
            Output(name="prediction", type="integer"),
            Output(name="probabilities", type="number", width=3, classes=(0, 1, 2)),
        ),
    )
    return Case(
        signature, Golden({"features": rows}, outputs, ("sample",) * len(rows)), _linear_graph(model, "features")
    )


def _mixed() -> Case:
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(5)
    fare = np.where(random.random(80) < 0.2, np.nan, random.gamma(2, 15, 80).round(2))
    age, member = random.integers(1, 90, 80).astype(float), random.integers(0, 2, 80).astype(float)
    home = random.choice(np.array(["Köln", "New York, NY", "東京", MISSING_STRING], dtype=object), 80)
    towns = {"Köln": 1.0, "New York, NY": 2.0, "東京": 3.0, MISSING_STRING: -1.0}
    encoded = np.stack([np.nan_to_num(fare, nan=30.0), [towns[town] for town in home], age, member], axis=1)
    labels = np.array(["ja", "nein"], dtype=object)[(encoded @ [1, -9, -0.4, 3] > 0).astype(int)]
    model = LogisticRegression(max_iter=5000).fit(encoded, labels.astype(str))
    outputs = {"prediction": model.predict(encoded).astype(object), "probabilities": model.predict_proba(encoded)}
    columns = (
        Column(name="fare paid", type="number", tensor="fare paid", index=0, nullable=True, minimum=0.5, maximum=120.0),
        Column(name="home.dest", type="string", tensor="home.dest", index=0, nullable=True, categories=("Köln",)),
        Column(name="年龄", type="integer", tensor="年龄", index=0),
        Column(name="member", type="boolean", tensor="member", index=0),
    )
    values = (fare, home, age, member)
    kinds: dict[str, Any] = {"string": "string", "number": "number", "integer": "number", "boolean": "number"}
    signature = Signature(
        model="Pipeline(ColumnTransformer, LogisticRegression)",
        task="classifier",
        named=True,
        columns=columns,
        tensors=tuple(Tensor(name=column.name, kind=kinds[column.type], width=1) for column in columns),
        outputs=(
            Output(name="prediction", type="string"),
            Output(name="probabilities", type="number", width=2, classes=("ja", "nein")),
        ),
    )
    inputs = {column.name: array[:, None] for column, array in zip(columns, values, strict=True)}
    return Case(signature, Golden(inputs, outputs, ("sample",) * 80), _mixed_graph(model, towns))


def _switch() -> Case:
    from onnx import TensorProto, helper

    rows = np.arange(-5, 5, dtype=np.float64)[:, None]
    nodes = [
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Constant", [], ["flat"], value_ints=[-1]),
        helper.make_node("Reshape", ["features", "flat"], ["column"]),
        helper.make_node("Greater", ["column", "zero"], ["above"]),
        helper.make_node("Cast", ["above"], ["prediction"], to=TensorProto.INT64),
    ]
    signature = Signature(
        model="Threshold",
        task="classifier",
        named=False,
        columns=(Column(name="x0", type="integer", tensor="features", index=0),),
        tensors=(Tensor(name="features", kind="number", width=1),),
        outputs=(Output(name="prediction", type="boolean"),),
    )
    golden = Golden({"features": rows}, {"prediction": (rows[:, 0] > 0).astype(np.int64)}, ("sample",) * 10)
    inputs = {"features": (TensorProto.FLOAT, 1)}
    return Case(signature, golden, _graph(nodes, inputs, {"prediction": (TensorProto.INT64, None)}, []))


def _linear_graph(model: Any, features: str) -> bytes:
    from onnx import TensorProto

    nodes, weights = _softmax(model, features, "prediction")
    outputs = {"prediction": (TensorProto.INT64, None), "probabilities": (TensorProto.DOUBLE, len(model.classes_))}
    return _graph(nodes, {features: (TensorProto.DOUBLE, model.n_features_in_)}, outputs, weights)


def _mixed_graph(model: Any, towns: Mapping[str, float]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = _softmax(model, "matrix", "class")
    before = [
        helper.make_node("IsNaN", ["fare paid"], ["absent"]),
        helper.make_node("Where", ["absent", "usual", "fare paid"], ["fare"]),
        helper.make_node(
            "LabelEncoder",
            ["home.dest"],
            ["town"],
            domain="ai.onnx.ml",
            keys_strings=list(towns),
            values_floats=list(towns.values()),
            default_float=0.0,
        ),
        helper.make_node("Cast", ["town"], ["home"], to=TensorProto.DOUBLE),
        helper.make_node("Concat", ["fare", "home", "年龄", "member"], ["matrix"], axis=1),
    ]
    after = helper.make_node(
        "LabelEncoder",
        ["class"],
        ["prediction"],
        domain="ai.onnx.ml",
        keys_int64s=[0, 1],
        values_strings=[str(label) for label in model.classes_],
    )
    inputs = dict.fromkeys(("fare paid", "年龄", "member"), (TensorProto.DOUBLE, 1))
    outputs = {"prediction": (TensorProto.STRING, None), "probabilities": (TensorProto.DOUBLE, 2)}
    usual = numpy_helper.from_array(np.array([[30.0]]), "usual")
    inputs |= {"home.dest": (TensorProto.STRING, 1)}
    return _graph([*before, *nodes, after], inputs, outputs, [*weights, usual])


def _softmax(model: Any, features: str, label: str) -> tuple[list[Any], list[Any]]:
    """Return the nodes of a LogisticRegression and its weights; ``label`` is the index of the class."""
    from onnx import helper, numpy_helper

    coefficients, intercept = model.coef_, model.intercept_
    if len(coefficients) == 1:  # two classes: softmax(0, z) is (1 - sigmoid(z), sigmoid(z))
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([np.zeros(1), intercept])
    weights = [numpy_helper.from_array(coefficients.T.copy(), "weights"), numpy_helper.from_array(intercept, "shift")]
    nodes = [
        helper.make_node("MatMul", [features, "weights"], ["product"]),
        helper.make_node("Add", ["product", "shift"], ["decision"]),
        helper.make_node("Softmax", ["decision"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["decision"], [label], axis=1, keepdims=0),
    ]
    return nodes, weights


def _graph(nodes: list[Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any], weights: list[Any]) -> bytes:
    from onnx import helper

    def info(name: str, kind: int, width: int | None) -> Any:
        return helper.make_tensor_value_info(name, kind, ["rows"] if width is None else ["rows", width])

    graph = helper.make_graph(
        nodes,
        "model",
        [info(name, *shape) for name, shape in inputs.items()],
        [info(name, *shape) for name, shape in outputs.items()],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
