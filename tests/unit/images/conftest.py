"""What tests of images share: a folder with hand-made wheels, and the plan of a small service."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlship.images import parts, planning
from mlship.images.base import Base
from mlship.images.plan import LeftOut, Plan, Platform
from mlship.images.planning import Subject, Unpacked
from mlship.signature import Signature


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a wheel of one module, ``code``, into tmp_path/"wheelhouse"."""

    def make(
        name: str,
        *,
        version: str = "1.0",
        tag: str = "py3-none-any",
        requires: str = "",
        code: str = "",
        script: str = "",
    ) -> Path:
        folder = tmp_path / "wheelhouse"
        folder.mkdir(exist_ok=True)
        wheel, info = folder / f"{name}-{version}-{tag}.whl", f"{name}-{version}.dist-info"
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        files = {
            f"{name}.py": code,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{script}\n",
        }
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
            archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))
        return wheel

    return make


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of a small service whose parts lie in tmp_path/"parts"."""
    service, folder = tmp_path / "service", tmp_path / "parts"
    for name in ("serve.py", "requirements.txt", "model/model.onnx", "model/signature.json"):
        (service / name).parent.mkdir(parents=True, exist_ok=True)
        (service / name).write_text(name)
    (folder / parts.DEPENDENCIES).mkdir(parents=True)
    (folder / parts.DEPENDENCIES / "a.py").write_text("")
    parts.copy(service, folder)
    signature = Signature(model="Ridge", task="regressor", named=False, columns=(), tensors=(), outputs=())
    base = Base("team/base:7", "3.12", "python3", "x86_64", (2, 36), digest="sha256:" + "b" * 64)
    subject = Subject(service, signature, "team/iris:1", 8000, "abc123", None, 0, {"io.mlship.source.sha256": "5" * 64})
    left_out = (LeftOut("a", "a/tests/**", "tests", 10),)
    libraries = Unpacked(folder / parts.DEPENDENCIES, ("a==1 --hash=sha256:00",), left_out)
    return planning.plan(subject, base, Platform("amd64"), libraries, folder)
