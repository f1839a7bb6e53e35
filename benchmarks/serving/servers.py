"""Who is measured: mlship's services, and the peers in the folders of peers/."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.serving.environments import NotInstalledError, environment
from benchmarks.serving.models import Model

PEERS = Path(__file__).with_name("peers")
Rows = list[list[float]]


@dataclass(frozen=True)
class Dialect:
    """Where a server is asked, how rows become its JSON, and where the predictions stand in what it answers."""

    path: str
    ask: Callable[[Rows], Any]
    read: Callable[[Any], list[int]]


@dataclass(frozen=True)
class Kind:
    """A way to serve a model: a framework of mlship's, or else a folder of peers/.

    ``dialect`` is None where nothing is read of what is answered.
    """

    folder: str
    framework: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect | None = None


@dataclass(frozen=True)
class Server:
    """What is started for one model: ``command`` in ``folder``, with programs of ``binaries`` before all others."""

    command: tuple[str, ...]
    folder: Path
    binaries: Path | None
    settings: Mapping[str, str]
    dialect: Dialect
    checked: bool = True


def _same(rows: Rows) -> Any:
    return {"features": rows}


def _tensor(rows: Rows) -> Any:
    data = [value for row in rows for value in row]
    tensor = {"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": data}
    return {"inputs": [{**tensor, "parameters": {"content_type": "np"}}]}


_PLAIN = Dialect("/predict", _same, lambda told: told["prediction"])
_INLINE = Dialect("/predict-inline", _same, lambda told: told["prediction"])
_TENSORS = Dialect("/v2/models/model/infer", _tensor, lambda told: told["outputs"][0]["data"])
_BENTO = Dialect("/predict", _same, lambda told: told)
_BENTO_BATCH = Dialect("/predict_batch", _same, lambda told: told)

#: In the order of the tables. Adaptive batching is on only where the name says so: it makes these small models slower.
KINDS = {
    "mlship asgi": Kind("", "asgi", {"FAST_PATH": "asgi"}, _PLAIN),
    "mlship asgi, fast path": Kind("", "asgi", {"FAST_PATH": "1"}, _PLAIN),
    "mlship fastapi": Kind("", "fastapi", {"FAST_PATH": "asgi"}, _PLAIN),
    "mlship fastapi, fast path": Kind("", "fastapi", {"FAST_PATH": "1"}, _PLAIN),
    "mlship flask": Kind("", "flask", {}, _PLAIN),
    "mlship django": Kind("", "django", {}, _PLAIN),
    "nginx, constant": Kind("nginx"),
    "FastAPI + onnxruntime": Kind("fastapi-onnxruntime", dialect=_PLAIN),
    "FastAPI + joblib": Kind("fastapi-joblib", dialect=_PLAIN),
    "FastAPI + joblib, tuned": Kind("fastapi-joblib", "", {"TUNED": "1"}, _PLAIN),
    "FastAPI + joblib, async def": Kind("fastapi-joblib", "", {"TUNED": "1"}, _INLINE),
    "Flask + gunicorn + joblib": Kind("flask-gunicorn", dialect=_PLAIN),
    "Flask + granian + joblib": Kind("flask-granian", dialect=_PLAIN),
    "Django + granian + joblib": Kind("django-granian", dialect=_PLAIN),
    "MLServer": Kind("mlserver", dialect=_TENSORS),
    "MLServer, batching": Kind("mlserver", "", {"BATCH": "1"}, _TENSORS),
    "BentoML": Kind("bentoml", dialect=_BENTO),
    "BentoML, batching": Kind("bentoml", dialect=_BENTO_BATCH),
}


def server(name: str, model: Model) -> Server:
    """Make what serves ``model`` ready to be started.

    Raises NotInstalledError, with the reason, where it cannot be installed or written here.
    """
    kind = KINDS[name]
    if kind.framework:
        return _ours(kind, model)
    folder = PEERS / kind.folder
    if kind.folder == "nginx" and not shutil.which("nginx"):
        raise NotInstalledError("there is no nginx: it is Debian's package nginx-light")
    requirements = folder / "requirements.txt"
    binaries = environment(kind.folder, requirements.read_text("utf-8")) if requirements.exists() else None
    settings = {**kind.settings, "MODEL": str(model.joblib), "ONNX": str(model.onnx)}
    return Server(("bash", "start.sh"), folder, binaries, settings, kind.dialect or _PLAIN, kind.dialect is not None)


def _ours(kind: Kind, model: Model) -> Server:
    try:
        folder = model.service(kind.framework)
    except RuntimeError as error:
        raise NotInstalledError(str(error)) from error
    requirements = (folder / "requirements.txt").read_text("utf-8")
    binaries = environment(f"mlship-{kind.framework}", requirements)
    return Server(("python", "serve.py"), folder, binaries, kind.settings, kind.dialect or _PLAIN)
