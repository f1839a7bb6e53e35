"""How many workers: control groups of both versions as files, and what a model takes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FREE = 2**62


@pytest.fixture
def workers(service_code: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module, on a machine with sixteen processors and much memory."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": FREE // 4096}[name])
    return service_code("core.running.workers")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(bytes(100))
    return folder


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


TWO = "sys/fs/cgroup"
ONE = {"proc/self/cgroup": "5:memory:/docker/f00\n4:cpu,cpuacct:/docker/f00\n1:name=systemd:/\n0::/\n"}
LIMITS: dict[str, tuple[dict[str, str], float]] = {
    "no control groups": ({}, 16),
    "empty": ({"proc/self/cgroup": ""}, 16),
    "v2, in a container": ({"proc/self/cgroup": "0::/\n", f"{TWO}/cpu.max": "150000 100000\n"}, 1.5),
    "v2, no limit": ({"proc/self/cgroup": "0::/\n", f"{TWO}/cpu.max": "max 100000\n"}, 16),
    "v2, a slice of the host": (
        {"proc/self/cgroup": "0::/a.slice/b\n", f"{TWO}/a.slice/b/cpu.max": "800000 100000"},
        8,
    ),
    "v2, a tighter parent": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            f"{TWO}/a/b/cpu.max": "800000 100000",
            f"{TWO}/a/cpu.max": "200000 100000",
        },
        2,
    ),
    "v2, a path of the host": ({"proc/self/cgroup": "0::/../../docker/f00\n", f"{TWO}/cpu.max": "50000 100000"}, 0.5),
    "v2, more than there is": ({"proc/self/cgroup": "0::/\n", f"{TWO}/cpu.max": "6400000 100000\n"}, 16),
    "v1, in a container": (
        ONE | {f"{TWO}/cpu/cpu.cfs_quota_us": "200000\n", f"{TWO}/cpu/cpu.cfs_period_us": "100000\n"},
        2,
    ),
    "v1, seen from the host": (
        ONE | {f"{TWO}/cpu/docker/f00/cpu.cfs_quota_us": "5", f"{TWO}/cpu/docker/f00/cpu.cfs_period_us": "2"},
        2.5,
    ),
    "v1, no limit": (
        ONE | {f"{TWO}/cpu/cpu.cfs_quota_us": "-1\n", f"{TWO}/cpu/cpu.cfs_period_us": "100000\n"},
        16,
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_the_quota_of_a_control_group_limits_the_processors(workers: Any, tmp_path: Path, name: str) -> None:
    files, expected = LIMITS[name]
    assert workers.processors(write(tmp_path, files)) == expected


def test_the_affinity_of_the_process_limits_the_processors(
    workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert workers.processors(write(tmp_path, LIMITS["v2, a slice of the host"][0])) == 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, FREE),
        ({"proc/self/cgroup": "0::/\n", f"{TWO}/memory.max": "1048576\n"}, 1048576),
        ({"proc/self/cgroup": "0::/\n", f"{TWO}/memory.max": "max\n"}, FREE),
        (ONE | {f"{TWO}/memory/memory.limit_in_bytes": "2097152\n"}, 2097152),
        (ONE | {f"{TWO}/memory/memory.limit_in_bytes": "9223372036854771712\n"}, FREE),
    ],
)
def test_control_groups_limit_the_memory(workers: Any, tmp_path: Path, files: dict[str, str], expected: int) -> None:
    assert workers.memory(write(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ("", 1),
        ("{}", 1),
        ('{"intra_op_num_threads": 4}', 4),
        ('{"intra_op_num_threads": 2, "inter_op_num_threads": 3, "execution_mode": "parallel"}', 3),
        ('{"intra_op_num_threads": 2, "inter_op_num_threads": 3}', 2),
        ('{"parallel_blocks": 8}', 8),
        ('{"intra_op_num_threads": 0}', 0),
        ("[1]", 1),
        ("{", 1),
        ('{"intra_op_num_threads": "x"}', 1),
    ],
)
def test_a_model_takes_the_threads_that_were_measured_for_it(
    workers: Any, model: Path, session: str, expected: int
) -> None:
    if session:
        (model / "session.json").write_text(session)
    assert workers.threads(model) == expected


@pytest.mark.parametrize(("threads", "expected"), [(1, 16), (3, 5), (16, 1), (17, 1), (0, 1)])
def test_each_worker_gets_the_processors_that_its_threads_need(
    workers: Any, model: Path, tmp_path: Path, threads: int, expected: int
) -> None:
    (model / "session.json").write_text(f'{{"intra_op_num_threads": {threads}}}')
    assert workers.count("auto", model, tmp_path) == expected


@pytest.mark.parametrize("limit", ["50000 100000", "100000 100000", "199999 100000"])
def test_a_part_of_a_processor_is_enough_for_one_worker(workers: Any, model: Path, tmp_path: Path, limit: str) -> None:
    root = write(tmp_path, {"proc/self/cgroup": "0::/\n", f"{TWO}/cpu.max": limit})
    assert workers.count("auto", model, root) == 1


def test_there_are_no_more_workers_than_memory_holds(workers: Any, model: Path, tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/self/cgroup": "0::/\n", f"{TWO}/memory.max": str(512 * 2**20)})
    assert workers.count("auto", model, root) == 3
    (model / "model.onnx").write_bytes(bytes(40 * 2**20))
    assert workers.count("auto", model, root) == 1


@pytest.mark.parametrize("asked", ["1", "7", "64"])
def test_a_number_is_taken_as_it_is(workers: Any, model: Path, asked: str) -> None:
    assert workers.count(asked, model) == int(asked)


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "", "99999", "\u0662"])
def test_what_is_no_number_of_workers_is_refused(workers: Any, model: Path, asked: str) -> None:
    with pytest.raises(ValueError, match="WORKERS="):
        workers.count(asked, model)


def test_libraries_start_no_threads_beside_onnx_runtime(workers: Any, model: Path, tmp_path: Path) -> None:
    assert set(workers.environment(model, 2, tmp_path).values()) == {"1"}


def test_libraries_that_run_the_model_share_the_processors(workers: Any, model: Path, tmp_path: Path) -> None:
    (model / "native.json").write_text("{}")
    assert workers.environment(model, 4, tmp_path)["OMP_NUM_THREADS"] == "4"
