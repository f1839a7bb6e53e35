from pathlib import Path

import numpy as np
import pytest

from mlship.hosts import fingerprint, governor, quota, reference, usable_cores
from mlship.reports.model import Host


def test_the_host_is_described_with_the_versions_asked_for() -> None:
    found = fingerprint(["numpy", "no-such-distribution"])
    assert found["libraries"] == {"numpy": np.__version__}
    assert found["usable_cores"] >= 1
    assert found["memory_bytes"] > 0
    assert found["cpu_model"]


def cgroup(root: Path, lines: str, files: dict[str, str]) -> Path:
    for name, content in {"proc/self/cgroup": lines, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_a_quota_of_version_two_is_read(tmp_path: Path) -> None:
    assert quota(cgroup(tmp_path, "0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"})) == 1.5


def test_the_smallest_quota_on_the_way_up_holds(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/a/cpu.max": "50000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}
    assert quota(cgroup(tmp_path, "0::/a/b\n", files)) == 0.5


def test_a_quota_of_version_one_is_read(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/docker/1"
    files = {f"{folder}/cpu.cfs_quota_us": "200000\n", f"{folder}/cpu.cfs_period_us": "100000\n"}
    assert quota(cgroup(tmp_path, "4:memory:/\n3:cpu,cpuacct:/docker/1\n", files)) == 2.0


def test_a_container_sees_its_quota_at_the_mount(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    assert quota(cgroup(tmp_path, "1:cpu:/docker/not-mounted-here\n", files)) == 0.5


@pytest.mark.parametrize(("file", "content"), [("cpu.max", "max 100000\n"), ("cpu.stat", "nr_periods 0\n")])
def test_no_limit_is_none(tmp_path: Path, file: str, content: str) -> None:
    assert quota(cgroup(tmp_path, "0::/\n", {f"sys/fs/cgroup/{file}": content})) is None


@pytest.mark.parametrize(("quota_us", "cores"), [(50_000, 1), (100_000, 1), (190_000, 1), (100_000_000, None)])
def test_cores_that_the_quota_allows_in_part_do_not_count(tmp_path: Path, quota_us: int, cores: int | None) -> None:
    root = cgroup(tmp_path, "0::/\n", {"sys/fs/cgroup/cpu.max": f"{quota_us} 100000\n"})
    assert usable_cores(root) == cores or (cores is None and usable_cores(root) == fingerprint()["usable_cores"])


def test_the_governor_is_told_where_the_kernel_tells_it(tmp_path: Path) -> None:
    assert governor(tmp_path) is None
    file = tmp_path / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    file.parent.mkdir(parents=True)
    file.write_text("powersave\n")
    assert governor(tmp_path) == "powersave"


def test_the_fingerprint_is_the_host_of_a_report() -> None:
    assert Host(**fingerprint(["numpy"])).libraries == {"numpy": np.__version__}


def test_the_reference_kernel_is_timed_round_by_round() -> None:
    found = reference(3)
    assert len(found) == 3
    assert all(0 < seconds < 5 for seconds in found)


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert quota(tmp_path) is None
