"""What speaks to the benchmark is found out, proved on the golden set, and checked under load."""

import dataclasses
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlship.errors import GateError, ServiceError
from mlship.parity import DOUBLE, tolerance_of
from mlship.serving import Running, running
from mlship.trials.dialects import OpenInference, Predict
from mlship.trials.target import Target, check, detect, first_answer, payloads, prove
from tests.integration.benchmark import scripted_service as scripts
from tests.integration.benchmark.scripted_service import GOLDEN, SIGNATURE, Asked, Script, Scripted

Serve = Callable[[Script], Scripted]


def found(url: str, timeout: float = 10.0) -> Target:
    return detect(url, GOLDEN, SIGNATURE, DOUBLE, timeout=timeout)


def detected(real: Target, url: str) -> Target:
    return detect(url, real.golden, real.signature, real.tolerance)


@pytest.mark.parametrize("tail", ["", "/", "/predict"])
def test_a_service_that_answers_predict_is_found(real: Target, tail: str) -> None:
    target = detected(real, real.url + tail)
    assert (target.url, target.dialect) == (real.url, Predict())
    assert prove(target).passed


def test_an_address_may_lack_the_scheme(real: Target) -> None:
    assert detected(real, real.url.removeprefix("http://")).url == real.url


@pytest.mark.parametrize("tail", ["/v2", "/v2/models/LogisticRegression", "/v2/models/LogisticRegression/infer"])
def test_an_address_of_open_inference_is_asked_in_that(real: Target, tail: str) -> None:
    target = detected(real, real.url + tail)
    assert (target.url, target.dialect.path) == (real.url, "/v2/models/LogisticRegression/infer")
    assert prove(target).passed


def test_another_version_of_the_model_is_asked_for(real: Target) -> None:
    with pytest.raises(ServiceError, match="there is no version '9'"):
        detected(real, f"{real.url}/v2/models/LogisticRegression/versions/9")


@contextmanager
def started(scaffolded: Callable[..., Path], name: str) -> Iterator[Running]:
    with running(scaffolded(name, "asgi")) as service:
        yield service


def test_strings_and_missing_values_go_over_open_inference(
    scaffolded: Callable[..., Path], cases: Mapping[str, Any]
) -> None:
    case = cases["mixed"]
    with started(scaffolded, "mixed") as service:
        target = detect(f"{service.url}/v2", case.golden, case.signature, tolerance_of(case.signature))
        assert isinstance(target.dialect, OpenInference)
        assert prove(target).passed


def open_inference(names: list[str], inputs: list[dict[str, Any]], server: str = "server") -> Script:
    """Make a server of other make: no /predict, a list of models, answers under names of its own."""

    def script(asked: Asked) -> None:
        documents = {"/v2": {"name": server}, "/v2/models": {"models": names}}
        documents |= {f"/v2/models/{name}": {"name": name, "inputs": inputs} for name in names}
        if asked.path in documents:
            asked.send(documents[asked.path])
        elif asked.path.endswith("/infer"):
            given = json.loads(asked.body)["inputs"]
            rows = np.array(given[-1]["data"], dtype=float).reshape(given[-1]["shape"])[:, -1].astype(int)
            data = GOLDEN.outputs["prediction"][rows].astype(float).tolist()
            tensor = {"name": "predict", "shape": [len(rows), 1], "datatype": "FP64", "data": data}
            asked.send({"model_name": names[0], "outputs": [tensor]})
        else:
            asked.send({"error": "no such route"}, 404)

    return script


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [{"name": "input-0", "datatype": "FP32", "shape": [-1, 2]}],
        [
            {"name": "number", "datatype": "FP64", "shape": [-1, 1]},
            {"name": "whole", "datatype": "INT64", "shape": [-1, 1]},
        ],
    ],
    ids=["untold", "one", "columns"],
)
def test_a_server_of_other_make_is_found_by_its_list_of_models(serve: Serve, inputs: list[dict[str, Any]]) -> None:
    target = found(serve(open_inference(["risk"], inputs)).url)
    assert target.dialect.path == "/v2/models/risk/infer"
    sent = payloads(target, 5, 0)
    answer = b'{"outputs": [{"name": "predict", "data": %s}]}'
    right = [str(GOLDEN.outputs["prediction"][batch].tolist()).encode() for batch in sent.batches]
    check(target, sent, [[answer % labels] for labels in right])


def test_one_of_several_models_must_be_named(serve: Serve) -> None:
    server = serve(open_inference(["credit", "risk"], []))
    with pytest.raises(ServiceError, match="has 2 models: credit, risk") as caught:
        found(server.url)
    assert caught.value.hint == f"give the model's address: {server.url}/v2/models/credit"
    assert found(f"{server.url}/v2/models/risk").dialect.path == "/v2/models/risk/infer"


def test_a_model_with_other_inputs_is_named(serve: Serve) -> None:
    inputs = [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in ("age", "fare")]
    target = found(serve(open_inference(["risk"], inputs)).url)
    with pytest.raises(ServiceError, match="'risk' takes 'age', 'fare'; the model of this workspace takes 'features'"):
        payloads(target, 1, 0)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (scripts.nowhere, "has no /predict"),
        (scripts.failing, r"answers with status 503: .*the disk is full"),
        (scripts.redirecting, r"redirects \(status 307\) to 'http://127.0.0.1:9/elsewhere/predict'"),
        (scripts.html, "answered '<html>It works!</html>', which is not JSON"),
        (scripts.dropping, "dropped the connection without an answer"),
    ],
)
def test_what_cannot_be_measured_is_named(serve: Serve, script: Script, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        found(serve(script).url)


def test_a_redirect_names_the_address_to_give(serve: Serve) -> None:
    with pytest.raises(ServiceError) as caught:
        found(serve(scripts.redirecting).url)
    assert caught.value.hint == "give the address http://127.0.0.1:9/elsewhere"


def test_a_service_that_does_not_answer_in_time_is_named(serve: Serve) -> None:
    with pytest.raises(ServiceError, match=r"did not answer within 0.2 s"):
        found(serve(scripts.taking(2)).url, timeout=0.2)


def test_where_nothing_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ServiceError, match=f"nothing listens at 'http://127.0.0.1:{port}'"):
        found(f"127.0.0.1:{port}")


def test_what_is_no_address_is_quoted() -> None:
    with pytest.raises(ServiceError, match="'ftp://models' is not the address of a service"):
        found("ftp://models")


def test_a_service_that_answers_wrong_is_not_measured(serve: Serve) -> None:
    def wrong(asked: Asked) -> None:
        asked.send({"prediction": [7 for _ in asked.rows()], "probabilities": [[1, 0] for _ in asked.rows()]})

    with pytest.raises(GateError, match="the service answers wrong: 120 of 120 rows have another label"):
        prove(serve(wrong).target)


def test_a_service_of_another_model_is_not_measured(real: Target) -> None:
    other = dataclasses.replace(
        real.golden, outputs={**real.golden.outputs, "prediction": real.golden.outputs["prediction"] + 1}
    )
    with pytest.raises(GateError, match="the service answers wrong"):
        prove(dataclasses.replace(real, golden=other))


def test_the_cold_start_ends_with_a_right_answer(real: Target, scaffolded_service: Path) -> None:
    asked = []

    def ask(url: str) -> None:
        asked.append(url)
        first_answer(real.golden, real.signature, real.tolerance)(url)

    with running(scaffolded_service, ask=ask) as service:
        assert asked == [service.url]


def test_a_first_answer_that_is_wrong_ends_the_start(real: Target, scaffolded_service: Path) -> None:
    other = dataclasses.replace(real.golden, outputs={"prediction": real.golden.outputs["prediction"] + 1})
    ask = first_answer(other, real.signature, real.tolerance)
    with pytest.raises(GateError, match="the service's first answer is wrong"), running(scaffolded_service, ask=ask):
        pass


def test_a_wrong_answer_among_many_right_ones_is_found(serve: Serve) -> None:
    target = serve(scripts.right).target
    sent = payloads(target, 1, 0)
    labels = [int(GOLDEN.outputs["prediction"][batch[0]]) for batch in sent.batches]
    answers = [[b'{"prediction": [%d]}' % label] for label in labels]
    check(target, sent, answers)
    answers[41].append(b'{"prediction": [%d]}' % (1 - labels[41]))
    with pytest.raises(GateError, match=rf"wrong under load: .*prediction is {1 - labels[41]}, was {labels[41]}"):
        check(target, sent, answers)


def test_an_answer_under_load_that_is_not_json_is_quoted(serve: Serve) -> None:
    target = serve(scripts.right).target
    sent = payloads(target, 1, 0)
    with pytest.raises(ServiceError, match="under load, answered '<html>', which is not JSON"):
        check(target, sent, [[b"<html>"]] + [[] for _ in sent.batches[1:]])
