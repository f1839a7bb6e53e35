"""What the workspace knows before it deploys, written by hand: an image, its signature, and a report."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlship import signature as signatures
from mlship.reports.model import Host, Measurement, Report
from mlship.signature import Column, Output, Signature, Tensor

SIGNATURE = Signature(
    model="LogisticRegression",
    task="classifier",
    named=True,
    columns=tuple(
        Column(name=name, type="number", tensor="numbers", index=index)
        for index, name in enumerate(("length", "width"))
    ),
    tensors=(Tensor(name="numbers", kind="number", width=2),),
    outputs=(
        Output(name="prediction", type="string", classes=("a", "b")),
        Output(name="probabilities", type="number", width=2, classes=("a", "b")),
    ),
)
IMAGE: dict[str, Any] = {
    "built": True,
    "builder": "docker",
    "id": "sha256:" + "1" * 64,
    "tags": ["registry.example/team/iris:1.2"],
    "platforms": ["linux/amd64"],
    "size": 150_000_000,
    "cold_start_seconds": 0.8,
    "rss_bytes": 70_000_000,
}
_HOST = Host(
    system="Linux",
    kernel="6.1",
    machine="x86_64",
    cpu_model="a processor",
    cores=2,
    usable_cores=2,
    quota_cores=None,
    memory_bytes=8 * 2**30,
    python="3.11",
    libraries={},
)
REPORT = Report(
    kind="workspace",
    model="LogisticRegression",
    task="classifier",
    golden_rows=10,
    options={},
    host=_HOST,
    reference=(0.1,),
    measurements=(
        Measurement(metric="throughput", of="service", load="c1", value=2_000.0),
        Measurement(metric="throughput", of="service", load="c64", value=20_000.0),
        Measurement(metric="cpu", of="service", load="c64", value=0.00004),
        Measurement(metric="rss", of="service", load="c64", value=80 * 2.0**20),
    ),
)


@pytest.fixture
def known_inputs(tmp_path: Path) -> dict[str, Path]:
    """Return a target's inputs by kind: "image", "signature" and "report"."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    inputs = {kind: folder / f"{kind}.json" for kind in ("image", "signature", "report")}
    inputs["image"].write_text(json.dumps(IMAGE))
    signatures.write(SIGNATURE, inputs["signature"])
    inputs["report"].write_text(REPORT.model_dump_json())
    return inputs
