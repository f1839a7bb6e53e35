"""A model in its own library: the service as a real process, the benchmark of it, and its image."""

import http.client
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from docker import DockerClient
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlship import golden as golden_set
from mlship import signature as signatures
from mlship.artifacts import digest
from mlship.benchmarks.standard import StandardBenchmark
from mlship.converters.native import NativeConverter
from mlship.images.docker import DockerBuilder
from mlship.parity import Tolerance
from mlship.replay import replay
from mlship.scaffolds.asgi import AsgiScaffold
from mlship.scaffolds.fastapi import FastApiScaffold
from mlship.serving import Running, running
from mlship.stages import Original

Artifacts = dict[str, Path]


def quiet(message: str, fraction: float | None = None) -> None:
    pass


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Keep a model of text, numbers and missing values native, and make its service."""
    folder = tmp_path_factory.mktemp("native")
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "home.dest": draw.choice(["Köln", "New York, NY", "北京", None], 120),
            "fare paid": np.where(draw.random(120) < 0.2, np.nan, draw.gamma(2, 15, 120).round(2)),
            "age": draw.integers(1, 90, 120),
        }
    )
    towns = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False))
    columns = make_column_transformer((towns, ["home.dest"]), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=10))
    model.fit(frame, np.where(frame["age"] > 40, "ja", "nein"))
    frame.to_csv(folder / "sample.csv", index=False)
    original = Original(folder / "model.joblib", "joblib", model)
    outcome = NativeConverter().convert(original, folder / "sample.csv", folder, quiet)
    found = {kind: folder / name for kind, name in outcome.artifacts.items()}
    FastApiScaffold().run(found, folder, quiet)
    return {**found, "service": folder / "service"}


@pytest.fixture(scope="module")
def server(artifacts: Artifacts) -> Iterator[Running]:
    with running(artifacts["service"]) as started:
        yield started


def ask(server: Running, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=20)
    try:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection.request(method, path, content, {"content-type": kind})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_every_answer_over_http_is_the_originals_to_the_last_bit(server: Running, artifacts: Artifacts) -> None:
    rows, described = golden_set.read(artifacts["golden"]), signatures.read(artifacts["signature"])
    verdict = replay(server.url, rows, described, Tolerance(0.0, 0.0))
    assert verdict.passed, verdict.sentence()
    assert verdict.rows > 120


def test_the_contract_is_that_of_every_other_service(server: Running, artifacts: Artifacts) -> None:
    assert ask(server, "GET", "/readyz") == (200, {"status": "ok"})
    status, answer = ask(server, "POST", "/predict", {"records": [{"home.dest": None, "fare paid": 1, "age": 20}]})
    assert (status, answer) == (200, {"prediction": ["nein"]})
    status, answer = ask(server, "POST", "/predict", {"features": [["Köln", "much", 20]]})
    assert (status, answer["errors"][0]["loc"]) == (422, ["body", "features", 0, "fare paid"])


def test_tables_are_answered_as_rows_are(server: Running) -> None:
    rows = [["Köln", 10.5, 40], [None, None, 50], ["北京", 3.0, 20]]
    expected = ask(server, "POST", "/predict?outputs=all", {"features": rows})
    assert expected[0] == 200
    text = "Köln,10.5,40\n,,50\n北京,3,20\n".encode()
    assert ask(server, "POST", "/predict?outputs=all", text, "text/csv") == expected
    table = pa.table([pa.array(list(column)) for column in zip(*rows, strict=True)], ["home.dest", "fare paid", "age"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    arrow = "application/vnd.apache.arrow.stream"
    assert ask(server, "POST", "/predict?outputs=all", sink.getvalue().to_pybytes(), arrow) == expected
    status, refused = ask(server, "POST", "/predict", text.replace(b"40", b"old"), "text/csv")
    assert (status, refused["errors"][0]["loc"]) == (422, ["body", "csv", 0, "age"])


def test_sagemaker_is_answered(server: Running) -> None:
    rows = [["Köln", 10.5, 40], [None, None, 50]]
    _, expected = ask(server, "POST", "/predict?outputs=all", {"features": rows})
    pairs = zip(expected["prediction"], expected["probabilities"], strict=True)
    predictions = [{"predicted_label": label, "score": chances[1]} for label, chances in pairs]
    assert ask(server, "GET", "/ping")[0] == 200
    assert ask(server, "POST", "/invocations", {"instances": rows}) == (200, {"predictions": predictions})
    text = "Köln,10.5,40\n,,50\n".encode()
    assert ask(server, "POST", "/invocations", text, "text/csv") == (200, {"predictions": predictions})


def test_an_array_is_answered_by_a_model_of_numbers(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(100, 3))
    model = HistGradientBoostingClassifier(max_iter=5).fit(values, values[:, 0] > 0)
    np.save(tmp_path / "sample.npy", values)
    original = Original(tmp_path / "model.joblib", "joblib", model)
    outcome = NativeConverter().convert(original, tmp_path / "sample.npy", tmp_path, quiet)
    found = {kind: tmp_path / name for kind, name in outcome.artifacts.items()}
    AsgiScaffold().run(found, tmp_path, quiet)
    content = io.BytesIO()
    np.save(content, values[:5].astype(np.float32))
    with running(tmp_path / "service") as started:
        rows = {"features": values[:5].astype(np.float32).astype(float).tolist()}
        expected = ask(started, "POST", "/predict?outputs=all", rows)
        assert expected[0] == 200
        assert ask(started, "POST", "/predict?outputs=all", content.getvalue(), "application/x-npy") == expected


def test_the_info_tells_whose_versions_answer(server: Running, artifacts: Artifacts) -> None:
    info = ask(server, "GET", "/info")[1]
    assert {"scikit-learn", "skops", "pandas"} < info["versions"].keys()
    assert "onnxruntime" not in info["versions"]
    assert info["model_sha256"] == digest(artifacts["service"] / "model" / "model.skops")


def test_the_tests_of_the_service_pass(artifacts: Artifacts) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=artifacts["service"], env=environment, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_report_says_what_it_costs(artifacts: Artifacts, tmp_path: Path) -> None:
    stage = StandardBenchmark(seconds=0.05, sizes=(1, 10), connections=(1,), starts=1, rows=10)
    outcome = stage.run(artifacts, tmp_path, quiet)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {each["of"] for each in report["calls"]} == {"native"}
    assert report["parity"]["passed"] is True
    (cost,) = [note for note in outcome.notes if note.startswith("native: one row takes")]
    assert "MB of packages, where ONNX Runtime takes" in cost
    assert cost in (tmp_path / "report" / "report.md").read_text()


@pytest.mark.docker
def test_the_image_holds_the_pinned_libraries_and_answers(
    engine: DockerClient, base_image: str, artifacts: Artifacts, tmp_path: Path
) -> None:
    tag = f"mlship-test/native:{os.getpid()}"
    outcome = DockerBuilder(tag=tag, base=base_image).run(artifacts, tmp_path, quiet)
    try:
        assert outcome.facts["parity"]["passed"] is True
        lock = (tmp_path / "context" / "requirements.lock").read_text()
        pins = (artifacts["native"] / "requirements.txt").read_text().split()
        assert [pin for pin in pins if f"{pin.lower()} --hash" not in lock] == []
        assert "onnxruntime" not in lock
        labels = engine.images.get(tag).labels
        assert labels["io.mlship.model.sha256"] == digest(artifacts["native"] / "model.skops")
    finally:
        engine.images.remove(tag, force=True)
