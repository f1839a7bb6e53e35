"""The Open Inference Protocol over gRPC, as clients see it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc as stubs

from mlship.errors import ServiceError
from mlship.serving import Running, running
from tests.open_inference_support import OF_TYPE, by_column, by_tensor, features, sample

CASES = ("numeric", "mixed", "switch")
NUMPY = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}
#: Typed contents: the field of each datatype that the golden rows have.
FIELDS = {"FP64": "fp64_contents", "INT64": "int64_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}
ROW = [5.1, 3.5, 1.4, 0.2]
KEY = "a-key-for-tests"

Start = Callable[..., Running]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True)
class Served:
    """A service that answers over gRPC at ``target``."""

    service: Running
    target: str
    stub: Any

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask over HTTP; returns the text of the answer, parsed where it is JSON."""
        connection = http.client.HTTPConnection(urlsplit(self.service.url).netloc, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers["content-type"] else text
        finally:
            connection.close()


@pytest.fixture(scope="module")
def serve(start: Start) -> Iterator[Callable[..., Served]]:
    """Return a function that starts the service of a case, with environment variables of its own and GRPC_PORT."""
    targets: dict[Any, int] = {}
    with contextlib.ExitStack() as stack:

        def get(name: str = "numeric", **environment: str) -> Served:
            port = targets.setdefault((name, *sorted(environment.items())), free_port())
            service = start(name, GRPC_PORT=str(port), MODEL_NAME="m", MODEL_VERSION="7", **environment)
            target = f"127.0.0.1:{port}"
            channel = stack.enter_context(grpc.insecure_channel(target))
            return Served(service, target, stubs.GRPCInferenceServiceStub(channel))

        yield get


def complete(case: Any) -> Any:
    """Return rows without missing strings, which gRPC cannot say."""
    golden = sample(case, 40)
    whole = np.ones(len(golden), dtype=bool)
    for given in by_tensor(case, golden):
        if given["datatype"] == "BYTES":
            whole &= np.array([value is not None for value in given["data"]]).reshape(len(golden), -1).all(axis=1)
    return golden.take(whole)


def values(given: Mapping[str, Any]) -> list[Any]:
    """Return the data of an input: NaN for null, bytes for texts."""
    data = [np.nan if value is None else value for value in given["data"]]
    return [value.encode() for value in data] if given["datatype"] == "BYTES" else data


def typed(inputs: list[dict[str, Any]], **fields: Any) -> Any:
    """Return a request with typed contents."""
    request = messages.ModelInferRequest(model_name="m", **fields)
    for given in inputs:
        tensor = request.inputs.add(name=given["name"], datatype=given["datatype"], shape=given["shape"])
        getattr(tensor.contents, FIELDS[given["datatype"]]).extend(values(given))
    return request


def one(data: list[float] | None = None, **changed: Any) -> Any:
    """Return a request of one row of the iris model, with changes to its only input."""
    request = messages.ModelInferRequest(model_name="m", model_version=changed.pop("model_version", ""))
    given = {"name": "features", "datatype": "FP64", "shape": [1, 4], **changed}
    request.inputs.add(**given).contents.fp64_contents.extend(ROW if data is None else data)
    return request


def plain(found: Any) -> list[Any]:
    """Return the values of an answer in JSON types."""
    texts = [value.decode() if isinstance(value, bytes) else value for value in found.ravel().tolist()]
    return list(np.array(texts, dtype=object).reshape(found.shape).tolist())


def test_probes_say_ready(serve: Callable[..., Served]) -> None:
    stub = serve().stub
    assert stub.ServerLive(messages.ServerLiveRequest()).live
    assert stub.ServerReady(messages.ServerReadyRequest()).ready
    assert stub.ModelReady(messages.ModelReadyRequest(name="m", version="7")).ready


@pytest.mark.parametrize("name", CASES)
def test_metadata_are_those_of_rest(serve: Callable[..., Served], name: str) -> None:
    served = serve(name)
    told = served.stub.ModelMetadata(messages.ModelMetadataRequest(name="m"))
    expected = served.ask("GET", "/v2/models/m")
    assert (told.name, list(told.versions), told.platform) == ("m", ["7"], expected["platform"])
    for mine, theirs in zip([*told.inputs, *told.outputs], [*expected["inputs"], *expected["outputs"]], strict=True):
        assert (mine.name, mine.datatype, list(mine.shape)) == (theirs["name"], theirs["datatype"], theirs["shape"])
    server = served.stub.ServerMetadata(messages.ServerMetadataRequest())
    assert (server.name, server.version, list(server.extensions)) == ("m", "7", [])


@pytest.mark.parametrize("form", [by_tensor, by_column])
@pytest.mark.parametrize("name", CASES)
def test_golden_rows_get_the_answers_of_predict_in_raw_contents(
    serve: Callable[..., Served], cases: Mapping[str, Any], name: str, form: Callable[..., Any]
) -> None:
    served = serve(name)
    case, golden = cases[name], complete(cases[name])
    expected = served.ask("POST", "/predict?outputs=all", features(case, golden))
    inputs = []
    for given in form(case, golden):
        array = np.array(values(given), dtype=NUMPY[given["datatype"]]).reshape(given["shape"])
        inputs.append(triton.InferInput(given["name"], given["shape"], given["datatype"]).set_data_from_numpy(array))
    with triton.InferenceServerClient(served.target) as client:
        result = client.infer("m", inputs)
    for output in case.signature.outputs:
        found = result.as_numpy(output.name)
        assert found.dtype == NUMPY[OF_TYPE[output.type][0]]
        assert plain(found) == expected[output.name]


@pytest.mark.parametrize("form", [by_tensor, by_column])
@pytest.mark.parametrize("name", CASES)
def test_golden_rows_get_the_answers_of_predict_in_typed_contents(
    serve: Callable[..., Served], cases: Mapping[str, Any], name: str, form: Callable[..., Any]
) -> None:
    served = serve(name)
    case, golden = cases[name], complete(cases[name])
    expected = served.ask("POST", "/predict?outputs=all", features(case, golden))
    response = served.stub.ModelInfer(typed(form(case, golden), id="4"))
    assert (response.id, response.model_name, response.model_version) == ("4", "m", "7")
    assert not response.raw_output_contents
    for told in response.outputs:
        found = np.array(getattr(told.contents, FIELDS[told.datatype]), dtype=object).reshape(list(told.shape))
        assert plain(found) == expected[told.name]


def test_only_the_outputs_that_are_asked_for_are_answered(serve: Callable[..., Served]) -> None:
    request = one()
    request.outputs.add(name="probabilities")
    [output] = serve().stub.ModelInfer(request).outputs
    assert output.name == "probabilities"
    assert output.parameters["classes"].string_param == "[0,1,2]"


def refused(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (messages.ModelInferRequest(model_name="m"), "body.features: this input is missing"),
        (one(ROW[:3]), "4 values are expected for the shape [1, 4], found 3"),
        (one([5.1, 3.5, 1.4, float("nan")]), "petal width (cm): a number is expected, and null is not"),
        (one(shape=[-1, 4]), "the shape [rows, 4] is expected, not [-1, 4]"),
        (one(shape=[2**62, 4]), "1 to 10000 are allowed"),
        (one(datatype="INT64"), "INT64 is expected in int64_contents, not in fp64_contents"),
        (one(datatype="FP16"), "there are no typed contents for the datatype 'FP16'"),
        (one(datatype=""), "there are no typed contents for the datatype ''"),
        (one([], datatype="FP16"), "8 bytes are expected for the shape [1, 4], found 0"),
        (one(name="x"), "body.x: there is no such input; there is: features"),
    ],
)
def test_a_wrong_tensor_is_an_invalid_argument(serve: Callable[..., Served], request_: Any, told: str) -> None:
    error = refused(lambda: serve().stub.ModelInfer(request_))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert told in error.details()


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        ([b"\0" * 31], "32 bytes are expected for the shape [1, 4], found 31"),
        ([b"\0" * 32] * 2, "as many raw_input_contents as inputs are expected, 1, found 2"),
    ],
)
def test_wrong_raw_contents_are_an_invalid_argument(
    serve: Callable[..., Served], contents: list[bytes], told: str
) -> None:
    request = one()
    request.inputs[0].ClearField("contents")
    request.raw_input_contents.extend(contents)
    error = refused(lambda: serve().stub.ModelInfer(request))
    assert (error.code(), told in error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True), error.details()


def test_raw_and_typed_contents_do_not_go_together(serve: Callable[..., Served]) -> None:
    request = one()
    request.raw_input_contents.append(b"\0" * 32)
    error = refused(lambda: serve().stub.ModelInfer(request))
    assert "give contents or raw_input_contents, not both" in error.details()


def test_bytes_that_are_no_message_are_an_invalid_argument(serve: Callable[..., Served]) -> None:
    with grpc.insecure_channel(serve().target) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        error = refused(lambda: call(b"\xff\xff\xff"))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "body: the message cannot be read"


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ModelReady", messages.ModelReadyRequest(name="other")),
        ("ModelMetadata", messages.ModelMetadataRequest(name="m", version="8")),
        ("ModelInfer", one(model_version="8")),
    ],
)
def test_a_model_that_is_not_there_is_not_found(serve: Callable[..., Served], method: str, request_: Any) -> None:
    error = refused(lambda: getattr(serve().stub, method)(request_))
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert "there is: " in error.details()


@pytest.mark.parametrize("metadata", [(), (("x-api-key", "wrong"),), (("authorization", f"Basic {KEY}"),)])
def test_without_a_right_key_only_probes_are_answered(serve: Callable[..., Served], metadata: Any) -> None:
    stub = serve(API_KEYS=KEY).stub
    assert stub.ServerReady(messages.ServerReadyRequest(), metadata=metadata).ready
    error = refused(lambda: stub.ModelInfer(one(), metadata=metadata))
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("metadata", [("authorization", f"Bearer {KEY}"), ("x-api-key", KEY)])
def test_a_key_is_taken_from_the_metadata(serve: Callable[..., Served], metadata: tuple[str, str]) -> None:
    assert serve(API_KEYS=KEY).stub.ModelInfer(one(), metadata=(metadata,)).outputs


def test_too_many_requests_are_told_when_to_try_again(serve: Callable[..., Served]) -> None:
    stub = serve(RATE_LIMIT="0.01").stub
    error = next(found for _ in range(200) if (found := failure(stub)) is not None)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert int(dict(error.trailing_metadata())["retry-after"]) >= 1


def failure(stub: Any) -> Any:
    """Infer and return the error, None where there is none."""
    try:
        stub.ModelInfer(one())
    except grpc.RpcError as error:
        return error
    return None


def test_a_message_that_is_too_large_is_refused(serve: Callable[..., Served]) -> None:
    error = refused(lambda: serve(MAX_BODY_BYTES="20000").stub.ModelInfer(one([1.0] * 3000)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_calls_are_counted_and_carry_a_request_id(serve: Callable[..., Served]) -> None:
    served = serve("switch")
    counted = served.ask("GET", "/metrics").count('route="grpc"')
    assert counted > 0
    request = messages.ServerLiveRequest()
    _, call = served.stub.ServerLive.with_call(request, metadata=(("x-request-id", "mine"),))
    assert dict(call.trailing_metadata())["x-request-id"] == "mine"


def test_workers_share_the_port(serve: Callable[..., Served]) -> None:
    assert serve(WORKERS="2").stub.ModelInfer(one()).outputs


def test_it_speaks_tls_where_http_does(scaffolded: Callable[..., Path], certificate: tuple[Path, Path]) -> None:
    environment = {"PORT": str(free_port()), "GRPC_PORT": str(free_port()), "MODEL_NAME": "m"}
    environment |= {"TLS_CERT": str(certificate[0]), "TLS_KEY": str(certificate[1])}
    credentials = grpc.ssl_channel_credentials(certificate[0].read_bytes())
    target = f"localhost:{environment['GRPC_PORT']}"
    process = subprocess.Popen(
        [sys.executable, "serve.py"], cwd=scaffolded("numeric", "asgi", grpc=True), env=os.environ | environment
    )
    try:
        with grpc.secure_channel(target, credentials) as channel:
            call = stubs.GRPCInferenceServiceStub(channel).ModelInfer
            assert call(one(), wait_for_ready=True, timeout=20).outputs
        with grpc.insecure_channel(target) as channel:
            assert failure(stubs.GRPCInferenceServiceStub(channel)).code() == grpc.StatusCode.UNAVAILABLE
    finally:
        process.terminate()
        process.wait(20)


def test_a_port_that_is_taken_is_named(scaffolded: Callable[..., Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        service = running(scaffolded("numeric", "asgi", grpc=True), environment={"GRPC_PORT": port})
        with pytest.raises(ServiceError, match=rf"cannot serve gRPC at 127\.0\.0\.1:{port}"), service:
            pass


def test_told_to_end_it_answers_what_it_has_and_ends(scaffolded: Callable[..., Path]) -> None:
    port = str(free_port())
    environment = {"GRPC_PORT": port, "MODEL_NAME": "m", "DRAIN_SECONDS": "1"}
    service = running(scaffolded("numeric", "asgi", grpc=True), environment=environment)
    with service as started, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        assert stub.ServerReady(messages.ServerReadyRequest()).ready
        os.kill(started.pid, signal.SIGTERM)
        wait_until(lambda: not stub.ServerReady(messages.ServerReadyRequest()).ready)
        assert stub.ModelInfer(one()).outputs
        wait_until(lambda: failure(stub) is not None)


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def python(service: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as the service would."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=service,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_without_a_port_nothing_of_grpc_is_imported(scaffolded: Callable[..., Path]) -> None:
    code = "import app, sys; sys.exit(any(name.split('.')[0] in {'grpc', 'google'} for name in sys.modules))"
    ended = python(scaffolded("numeric", "asgi", grpc=True), code, GRPC_PORT="")
    assert ended.returncode == 0, ended.stderr


def test_missing_packages_are_named(scaffolded: Callable[..., Path]) -> None:
    code = "import sys; sys.modules['grpc'] = None; import core.grpc.server"
    ended = python(scaffolded("numeric", "asgi", grpc=True), code)
    assert "there is no module 'grpc': pip install grpcio protobuf" in ended.stderr


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django"])
def test_it_stands_beside_every_framework(start: Start, framework: str) -> None:
    port = str(free_port())
    start("numeric", framework, GRPC_PORT=port, MODEL_NAME="m")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert stubs.GRPCInferenceServiceStub(channel).ModelInfer(one()).outputs
