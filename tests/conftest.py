"""What all tests share: golden files, a container engine with a base image, and small models with their service."""

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import numpy as np
import onnx.parser
import pandas as pd
import pytest
from docker import DockerClient
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from mlship import golden as golden_set
from mlship import graphs
from mlship import signature as signatures
from mlship.errors import EngineMissingError
from mlship.golden import Golden
from mlship.images.engine import connect
from mlship.originals.visit import visit
from mlship.plugins import load
from mlship.rendering import templates
from mlship.signature import Column, Output, Signature, Tensor

GOLDEN = Path(__file__).parent / "golden"
NO_ENGINE = "no container engine: start one to run the docker tests"
SCRIPT = Path(__file__).parents[1] / "scripts" / "ci-engine.sh"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew instead of comparing")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name functions and objects by what they are: their address is another in every process."""
    return str(getattr(val, "__name__", type(val).__name__)) if callable(val) or " at 0x" in repr(val) else None


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Train small models on one thread: several wait for one another, fifteen times as long where workers share cores.

    Libraries are held to it that are loaded by now, in this process alone: what the tests start goes by its own rules.
    """
    with threadpool_limits(1):
        yield


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the files of a certificate for localhost and 127.0.0.1, and of its key."""
    if shutil.which("openssl") is None:
        _without("no openssl, which makes the certificate of a TLS test")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", *kind.split(), *names, "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture(scope="session")
def browser() -> str:
    """Return the program that looks at pages."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    if (program := next((found for name in names if (found := shutil.which(name))), None)) is None:
        _without(f"no browser: one of {', '.join(names)} looks at pages")
    return str(program)


@pytest.fixture(scope="session")
def registry_program() -> str:
    """Return the program that is a registry of images."""
    if (program := shutil.which("docker-registry")) is None:
        _without(f"no docker-registry, where images are pushed to: {SCRIPT.name} packages")
    return str(program)


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
    """Return models by name.

    "numeric" (iris), "mixed" (strings, numbers, missing values), "texts" (one text a row), "switch" (true or false).
    """
    return {"numeric": _numeric(), "mixed": _mixed(), "texts": _texts(), "switch": _switch()}


@pytest.fixture(scope="session")
def scaffolded(cases: Mapping[str, Case], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes the service folder of a case in a web framework, once a session."""
    made: dict[tuple[Any, ...], Path] = {}

    def make(name: str, framework: str = "fastapi", **options: Any) -> Path:
        key = (name, framework, *sorted(options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp(f"{name}-{framework}")
            stage = load("scaffolds", framework)(**options)
            stage.run(cases[name].write(folder), folder, lambda message, fraction=None: None)
            made[key] = folder / "service"
        return made[key]

    return make


Post = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="session")
def service_code() -> Iterator[Callable[[str], Any]]:
    """Return a function that imports a module of templates/service ("core.bodies.decode") as the service would."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(templates() / "service")
        yield importlib.import_module
    for name in [name for name in sys.modules if name == "core" or name.startswith("core.")]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def served(scaffolded: Callable[..., Path], service_code: Callable[[str], Any]) -> Iterator[Callable[..., Post]]:
    """Return a function that loads the service of a case in this process and returns how to ask it.

    Asking (method, url, body, headers) gives the status and the JSON of the answer.
    """
    import httpx

    loop = asyncio.new_event_loop()
    clients: list[httpx.AsyncClient] = []

    def serve(name: str | Path, **limits: Any) -> Post:
        model = name / "model" if isinstance(name, Path) else scaffolded(name) / "model"
        service = service_code("core.service").Service(
            service_code("core.settings").Settings(model_dir=model, **limits)
        )
        transport = httpx.ASGITransport(service_code("core.fronts.asgi").Front(None, service))
        client = httpx.AsyncClient(transport=transport, base_url="http://service")
        clients.append(client)

        def ask(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
            content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            answer = loop.run_until_complete(client.request(method, url, content=content, headers=headers))
            is_json = answer.headers["content-type"].endswith("json")
            return answer.status_code, answer.json() if is_json else answer.text

        return ask

    yield serve
    for client in clients:
        loop.run_until_complete(client.aclose())
    loop.close()


def _numeric() -> Case:
    iris = load_iris(as_frame=True)
    return _converted(LogisticRegression(max_iter=1000).fit(iris.data, iris.target), iris.data)


def _mixed() -> Case:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "fare paid": np.where(random.random(80) < 0.2, np.nan, random.gamma(2, 15, 80).round(2)),
            "home.dest": random.choice(["Köln", "New York, NY", "東京", None], 80),
            "年龄": random.integers(1, 90, 80),
            "member": random.random(80) < 0.5,
        }
    )
    labels = np.where(frame["fare paid"].fillna(30.0) + 3 * frame["member"] > 0.4 * frame["年龄"], "ja", "nein")
    towns = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer((SimpleImputer(), ["fare paid"]), (towns, ["home.dest"]), remainder="passthrough")
    return _converted(make_pipeline(columns, LogisticRegression(max_iter=5000)).fit(frame, labels), frame)


def _texts() -> Case:
    reviews = ["Très bon vin, RED wine", "cold beer: don't!", "красное вино", "ΟΔΟΣ 年龄 beer"] * 5
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression())
    return _converted(model.fit(reviews, [1, 0, 1, 0] * 5), pd.DataFrame({"review": reviews}))


def _converted(model: Any, frame: pd.DataFrame) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample.csv"
        frame.to_csv(sample, index=False)
        visited = visit(model, sample, target=None, rows=1000, seed=0)
    described = visited.signature
    wanted = [output.name for output in described.outputs]
    converted = graphs.convert(model, described.tensors, described.columns, outputs=wanted)
    return Case(described, visited.golden, converted.content)


#: An input in float, unlike those of our converter: the service has to cast.
SWITCH = """
<ir_version: 9, opset_import: ["" : 17]>
threshold (float[rows, 1] features) => (int64[rows] prediction) {
    zero = Constant <value_float = 0.0> ()
    flat = Constant <value_ints = [-1]> ()
    column = Reshape (features, flat)
    above = Greater (column, zero)
    prediction = Cast <to = 7> (above)
}
"""


def _switch() -> Case:
    rows = np.arange(-5, 5, dtype=np.float64)[:, None]
    signature = Signature(
        model="Threshold",
        task="classifier",
        named=False,
        columns=(Column(name="x0", type="integer", tensor="features", index=0),),
        tensors=(Tensor(name="features", kind="number", width=1),),
        outputs=(Output(name="prediction", type="boolean"),),
    )
    golden = Golden({"features": rows}, {"prediction": (rows[:, 0] > 0).astype(np.int64)}, ("sample",) * 10)
    return Case(signature, golden, onnx.parser.parse_model(SWITCH).SerializeToString())
