"""A folder with hand-made wheels: pip works on it without an index."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a wheel with no code into tmp_path/"wheelhouse"."""

    def make(name: str, *, version: str = "1.0", tag: str = "py3-none-any", requires: str = "") -> Path:
        folder = tmp_path / "wheelhouse"
        folder.mkdir(exist_ok=True)
        wheel, info = folder / f"{name}-{version}-{tag}.whl", f"{name}-{version}.dist-info"
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}.py", "")
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
            archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            archive.writestr(f"{info}/RECORD", "")
        return wheel

    return make
