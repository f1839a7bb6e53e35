from collections.abc import Callable, Sequence
from importlib.metadata import distributions
from pathlib import Path

import pytest

from mlship.images.libraries.slimming import slim
from mlship.images.plan import LeftOut

Install = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lib"


@pytest.fixture
def install(folder: Path) -> Install:
    """Return a function that puts a distribution into the folder as an installer leaves it; each file has 10 bytes."""

    def put(name: str, *files: str, requires: Sequence[str] = ()) -> None:
        info = f"{name}-1.0.dist-info"
        needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
        contents = dict.fromkeys(files, "0123456789") | {f"{info}/METADATA": metadata}
        record = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
        for path, content in {**contents, f"{info}/RECORD": record}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)

    return put


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("onnxruntime\n")
    return path


def left(folder: Path) -> list[str]:
    """List the files that are not metadata."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if not name.endswith("/METADATA"))


def test_what_was_left_out_is_told_with_its_size_and_reason(install: Install, folder: Path, requirements: Path) -> None:
    install("numpy", "numpy/__init__.py", "numpy/ma/tests/test_a.py", "numpy/ma/tests/test_b.py")
    gone = {each.pattern: each for each in slim(folder, requirements)}
    assert gone["numpy/*/tests/test_*"] == LeftOut("numpy", "numpy/*/tests/test_*", "its tests", 20)
    assert left(folder) == ["numpy/__init__.py"]


def test_a_rule_is_for_its_distribution_alone(install: Install, folder: Path, requirements: Path) -> None:
    install("other", "onnxruntime/tools/a.py", "other/tests/test_a.py")
    slim(folder, requirements)
    assert left(folder) == ["onnxruntime/tools/a.py", "other/tests/test_a.py"]


def test_types_and_sources_in_cython_go_from_every_distribution(
    install: Install, folder: Path, requirements: Path
) -> None:
    install("other", "other/a.py", "other/a.pyi", "other/b.pyx", "other/b.pxd", "other/__pycache__/a.cpython-312.pyc")
    slim(folder, requirements)
    assert left(folder) == ["other/a.py"]


def test_types_stay_where_a_library_reads_them(install: Install, folder: Path, requirements: Path) -> None:
    install("lazy_loader", "lazy_loader/__init__.py")
    install("other", "other/a.pyi", requires=["lazy_loader"])
    slim(folder, requirements)
    assert "other/a.pyi" in left(folder)


def test_metadata_entry_points_and_licences_stay(install: Install, folder: Path, requirements: Path) -> None:
    info = "other-1.0.dist-info"
    kept = [f"{info}/entry_points.txt", f"{info}/licenses/LICENSE"]
    install("other", *kept, f"{info}/INSTALLER", f"{info}/direct_url.json")
    slim(folder, requirements)
    assert left(folder) == kept
    assert [(each.name, each.version) for each in distributions(path=[str(folder)])] == [("other", "1.0")]


def test_what_only_onnx_runtime_requires_goes_with_what_that_requires(
    install: Install, folder: Path, requirements: Path
) -> None:
    install("onnxruntime", "onnxruntime/__init__.py", requires=["sympy", "protobuf"])
    install("sympy", "sympy/__init__.py", requires=["mpmath>=1"])
    install("mpmath", "mpmath/__init__.py")
    install("protobuf", "google/protobuf/__init__.py")
    gone = slim(folder, requirements)
    assert left(folder) == ["onnxruntime/__init__.py"]
    assert [each.distribution for each in gone if each.pattern == "*"] == ["mpmath", "protobuf", "sympy"]
    assert not list(folder.glob("sympy*"))


@pytest.mark.parametrize("requires", ["protobuf>=4", "protobuf; extra == 'grpc'", "protobuf (>=4.0.*)"])
def test_what_another_library_may_need_stays(requires: str, install: Install, folder: Path, requirements: Path) -> None:
    install("onnxruntime", "onnxruntime/__init__.py", requires=["protobuf"])
    install("protobuf", "google/protobuf/__init__.py")
    install("other", "other.py", requires=[requires])
    slim(folder, requirements)
    assert "google/protobuf/__init__.py" in left(folder)


def test_what_the_user_names_stays(install: Install, folder: Path, requirements: Path) -> None:
    install("onnxruntime", "onnxruntime/__init__.py", requires=["sympy"])
    install("sympy", "sympy/__init__.py")
    requirements.write_text("onnxruntime\nSymPy>=1\n")
    slim(folder, requirements)
    assert "sympy/__init__.py" in left(folder)


def test_it_stays_without_onnx_runtime(install: Install, folder: Path, requirements: Path) -> None:
    install("sympy", "sympy/__init__.py")
    slim(folder, requirements)
    assert left(folder) == ["sympy/__init__.py"]


def test_no_empty_folder_is_left_to_be_imported(install: Install, folder: Path, requirements: Path) -> None:
    install("onnxruntime", "onnxruntime/__init__.py", "onnxruntime/tools/deep/down/a.py")
    slim(folder, requirements)
    assert not (folder / "onnxruntime" / "tools").exists()


def test_what_was_left_out_is_sorted(install: Install, folder: Path, requirements: Path) -> None:
    install("zoo", "zoo/a.pyi", "zoo/a.pyx")
    install("ant", "ant/a.pyi")
    gone = slim(folder, requirements)
    assert [(each.distribution, each.pattern) for each in gone] == sorted((it.distribution, it.pattern) for it in gone)
    assert gone[0].distribution == "ant"


def test_files_outside_of_the_folder_are_not_touched(
    install: Install, folder: Path, requirements: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.pyi").write_text("")
    install("evil", "../mine.pyi", "evil.py")
    slim(folder, requirements)
    assert (tmp_path / "mine.pyi").exists()


def test_files_that_two_distributions_own_are_left_out_once(install: Install, folder: Path, requirements: Path) -> None:
    shared = "cv2/__init__.py", "cv2/__init__.pyi"
    install("opencv_python", *shared)
    install("opencv_python_headless", *shared)
    gone = slim(folder, requirements)
    assert [each.distribution for each in gone if each.pattern == "*.pyi"] == ["opencv-python"]
    assert left(folder) == ["cv2/__init__.py"]


def test_what_rewrites_models_stays_with_onnx(install: Install, folder: Path, requirements: Path) -> None:
    tools = [f"onnxruntime/{name}/__init__.py" for name in ("quantization", "tools", "transformers")]
    install("onnxruntime", *tools, requires=["sympy"])
    install("sympy", "sympy/__init__.py")
    install("onnx", "onnx/__init__.py")
    slim(folder, requirements)
    assert left(folder) == ["onnx/__init__.py", *tools, "sympy/__init__.py"]


@pytest.mark.parametrize(("requires", "stays"), [(["onnxruntime>=1.2"], True), (["numpy"], False)], ids=str)
def test_the_library_for_c_stays_where_another_builds_upon_onnx_runtime(
    requires: list[str], stays: bool, install: Install, folder: Path, requirements: Path
) -> None:
    install("onnxruntime", "onnxruntime/capi/libonnxruntime.so.1.24.1")
    install("onnxruntime_genai", "genai.py", requires=requires)
    slim(folder, requirements)
    assert ("onnxruntime/capi/libonnxruntime.so.1.24.1" in left(folder)) is stays
