import hashlib
import json
from pathlib import Path

import pytest

from mlship.images import planning
from mlship.images.base import Base
from mlship.images.plan import Plan, Platform
from mlship.images.planning import Subject, Unpacked
from mlship.signature import Signature


def test_layers_come_in_order_of_change(plan: Plan) -> None:
    assert [(layer.name, layer.destination) for layer in plan.layers] == [
        ("dependencies", "/opt/app/lib"),
        ("service", "/opt/app/service"),
        ("model", "/opt/app/service/model"),
    ]


def test_the_user_is_a_number_and_not_root(plan: Plan) -> None:
    assert plan.user == "10001:10001"


def test_labels_name_the_image_the_base_the_model_and_where_it_is_from(plan: Plan) -> None:
    digest = hashlib.sha256(b"model/model.onnx").hexdigest()
    assert dict(plan.labels) == {
        "org.opencontainers.image.title": "iris",
        "org.opencontainers.image.version": "1",
        "org.opencontainers.image.description": "Ridge (regressor) over HTTP",
        "org.opencontainers.image.revision": "abc123",
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
        "org.opencontainers.image.base.name": "team/base:7",
        "org.opencontainers.image.base.digest": "sha256:" + "b" * 64,
        "io.mlship.model.class": "Ridge",
        "io.mlship.model.sha256": digest,
        "io.mlship.lock.sha256": hashlib.sha256(b"a==1 --hash=sha256:00").hexdigest(),
        "io.mlship.source.sha256": "5" * 64,
    }


def test_what_is_not_known_is_no_label(plan: Plan, tmp_path: Path) -> None:
    signature = Signature(model="Ridge", task="regressor", named=False, columns=(), tensors=(), outputs=())
    subject = Subject(tmp_path / "service", signature, "iris:1", 8000, None, None, 0, {})
    unknown = Base("b:1", "3.12", "python3", "x86_64", (2, 28))
    again = planning.plan(subject, unknown, plan.platform, Unpacked(tmp_path, (), ()), tmp_path / "parts")
    assert not {"org.opencontainers.image.revision", "org.opencontainers.image.base.digest"} & again.labels.keys()


def test_a_plan_is_plain_json_without_a_path_of_this_machine(plan: Plan, tmp_path: Path) -> None:
    text = json.dumps(plan.to_json())
    assert str(tmp_path) not in text
    told = json.loads(text)
    assert told["platform"] == "linux/amd64"
    assert told["base"]["glibc"] == "2.36"
    assert [layer["source"] for layer in told["layers"]] == ["dependencies", "service", "model"]
    assert told["left_out"] == [{"distribution": "a", "pattern": "a/tests/**", "reason": "tests", "size": 10}]


@pytest.mark.parametrize(
    ("machine", "told"), [("x86_64", "linux/amd64"), ("aarch64", "linux/arm64"), ("arm64", "linux/arm64")]
)
def test_a_platform_is_called_as_images_are(machine: str, told: str) -> None:
    assert str(Platform.of(machine)) == told


def test_a_base_from_a_file_has_no_name_that_means_anything_elsewhere(plan: Plan, tmp_path: Path) -> None:
    signature = Signature(model="Ridge", task="regressor", named=False, columns=(), tensors=(), outputs=())
    subject = Subject(tmp_path / "service", signature, "iris:1", 8000, None, "https://forge.example/iris", 0, {})
    file = Base("/home/me/base.tar", "3.12", "python3", "x86_64", (2, 28), digest="sha256:" + "b" * 64)
    again = planning.plan(subject, file, plan.platform, Unpacked(tmp_path, (), ()), tmp_path / "parts")
    assert planning.BASE_NAME not in again.labels
    assert again.labels["org.opencontainers.image.base.digest"] == file.digest
    assert again.labels["org.opencontainers.image.source"] == "https://forge.example/iris"
