"""What integration tests share: a small trained model with its service."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from sklearn.linear_model import LinearRegression

from mlship import golden as golden_set
from mlship import signature as signatures
from mlship.golden import Golden
from mlship.signature import Column, Output, Signature, Tensor

# Bare ASGI: what the image tests need of a service, without a framework to wait for.
APP = """
import json
from pathlib import Path

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(str(Path(__file__).parent / "model" / "model.onnx"))


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    answer = {"status": "ok"}
    if scope["path"] == "/predict":
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        rows = np.array(json.loads(body)["features"], dtype=np.float64)
        answer = {"prediction": session.run(None, {"features": rows})[0].tolist()}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
"""

SERVE = """
import os

import uvicorn

if __name__ == "__main__":
    uvicorn.run("app:app", host=os.environ["HOST"], port=int(os.environ["PORT"]), timeout_graceful_shutdown=8)
"""


@pytest.fixture(scope="session")
def make_service(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Path]]:
    """Return a function that trains a model and writes a service folder for it; it returns a stage's inputs."""

    def make(
        *, app: str = APP, requirements: str = "numpy\nonnxruntime\nuvicorn\n", slope: float = 1.5
    ) -> dict[str, Path]:
        root = tmp_path_factory.mktemp("service")
        service = root / "service"
        (service / "model").mkdir(parents=True)
        (service / "tests").mkdir()
        (service / "app.py").write_text(app)
        (service / "serve.py").write_text(SERVE)
        (service / "requirements.txt").write_text(requirements)
        (service / "tests" / "test_app.py").write_text("")
        golden, signature = _train(service / "model" / "model.onnx", slope)
        golden_set.write(golden, root / "golden.npz")
        signatures.write(signature, root / "signature.json")
        signatures.write(signature, service / "model" / "signature.json")
        return {"service": service, "golden": root / "golden.npz", "signature": root / "signature.json"}

    return make


def _train(model: Path, slope: float) -> tuple[Golden, Signature]:
    rows = np.random.default_rng(7).normal(size=(120, 3))
    original = LinearRegression().fit(rows, rows @ [slope, -2.0, 0.25] + 4)
    weights = numpy_helper.from_array(original.coef_.reshape(3, 1), "weights")
    shift = numpy_helper.from_array(np.array(original.intercept_), "shift")
    flat = numpy_helper.from_array(np.array([-1], dtype=np.int64), "flat")
    double = onnx.TensorProto.DOUBLE
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["column"]),
            helper.make_node("Reshape", ["column", "flat"], ["product"]),
            helper.make_node("Add", ["product", "shift"], ["prediction"]),
        ],
        "linear",
        [helper.make_tensor_value_info("features", double, ["rows", 3])],
        [helper.make_tensor_value_info("prediction", double, ["rows"])],
        [weights, shift, flat],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    model.write_bytes(proto.SerializeToString())
    columns = tuple(Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(3))
    signature = Signature(
        model="LinearRegression",
        task="regressor",
        named=False,
        columns=columns,
        tensors=(Tensor(name="features", kind="number", width=3),),
        outputs=(Output(name="prediction", type="number"),),
    )
    return Golden({"features": rows}, {"prediction": original.predict(rows)}, ("sample",) * len(rows)), signature
