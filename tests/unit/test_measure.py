import hashlib
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mlship.measure import (
    Ratio,
    Sample,
    cpu_seconds,
    host,
    interleaved,
    interleaved_bursts,
    percentile,
    quota,
    ratio,
    resident,
    summary,
    usable_cores,
)


def sample(*rounds: list[float]) -> Sample:
    return Sample(tuple(np.array(values) for values in rounds))


@pytest.mark.parametrize(("q", "expected"), [(0, 1), (1, 1), (50, 50), (90, 90), (99, 99), (99.1, 100), (100, 100)])
def test_percentiles_are_nearest_rank(q: float, expected: float) -> None:
    values = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
    assert percentile(values, q) == expected


def test_every_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([1.0, 10.0], 50) == 1.0


def test_the_percentile_of_nothing_is_nan() -> None:
    assert math.isnan(percentile([], 50))


def test_a_summary_names_its_units() -> None:
    found = summary([0.001] * 98 + [0.5, 1.0])
    assert found["runs"] == 100
    assert found["p50_seconds"] == found["p90_seconds"] == found["minimum_seconds"] == 0.001
    assert found["p99_seconds"] == 0.5
    assert found["maximum_seconds"] == 1.0


def test_the_ratio_of_known_samples_is_exact() -> None:
    found = ratio(sample([2.0, 2.0], [4.0], [6.0]), sample([1.0], [2.0], [3.0, 3.0]))
    assert found == Ratio(2.0, 2.0, 2.0)
    assert found.slower
    assert not found.faster


def test_the_interval_holds_the_true_ratio_of_noisy_rounds() -> None:
    random = np.random.default_rng(3)
    load = random.uniform(1, 3, 30)  # the machine's mood, which both candidates of a round share
    a = sample(*[list(1.15 * mood * random.lognormal(0, 0.05, 20)) for mood in load])
    b = sample(*[list(mood * random.lognormal(0, 0.05, 20)) for mood in load])
    found = ratio(a, b)
    assert found.low < 1.15 < found.high
    assert found.slower


def test_two_samples_of_the_same_thing_are_neither_slower_nor_faster() -> None:
    random = np.random.default_rng(4)
    a, b = (sample(*[list(random.lognormal(0, 0.3, 20)) for _ in range(30)]) for _ in range(2))
    assert not ratio(a, b).slower
    assert not ratio(a, b).faster


def test_the_same_samples_give_the_same_interval() -> None:
    random = np.random.default_rng(5)
    a, b = (sample(*[list(random.lognormal(0, 0.3, 5)) for _ in range(9)]) for _ in range(2))
    assert ratio(a, b) == ratio(a, b)


def test_samples_that_were_not_measured_together_are_refused() -> None:
    with pytest.raises(ValueError, match="together"):
        ratio(sample([1.0]), sample([1.0], [1.0]))


def test_a_slower_call_is_found_to_be_slower() -> None:
    measured = interleaved({"one": lambda: time.sleep(0.001), "three": lambda: time.sleep(0.003)}, seconds=0.4)
    assert ratio(measured["three"], measured["one"]).slower
    assert measured["one"].median >= 0.001


def test_candidates_take_turns_in_random_order() -> None:
    turns = []

    def candidate(name: str, times: int) -> list[float]:
        turns.append(name)
        return [0.01] * times

    calls = {name: (lambda times, name=name: candidate(name, times)) for name in "ab"}
    measured = interleaved_bursts(calls, seconds=0.5, rounds=20, seed=1)
    rounds = [tuple(turns[-40:][start : start + 2]) for start in range(0, 40, 2)]
    assert set(rounds) == {("a", "b"), ("b", "a")}
    assert len(measured["a"].rounds) == len(measured["b"].rounds) == 20


def test_a_thread_that_one_candidate_leaves_running_is_waited_for() -> None:
    content, threads, seen = bytes(10_000_000), [], []

    def leave(times: int) -> list[float]:
        threads.append(threading.Thread(target=hashlib.sha256, args=(content,)))
        threads[-1].start()
        return [0.01] * times

    def look(times: int) -> list[float]:
        seen.append(any(thread.is_alive() for thread in threads))
        return [0.01] * times

    interleaved_bursts({"leaves a thread": leave, "looks": look}, seconds=0.1, rounds=9)
    for thread in threads:
        thread.join()
    assert sum(seen) <= 1  # what runs for too long is not waited for


def test_a_call_that_is_slower_than_the_budget_is_still_measured() -> None:
    measured = interleaved({"slow": lambda: time.sleep(0.2)}, seconds=0.05)
    assert len(measured["slow"].seconds) >= 1
    assert not measured["slow"].stable


def test_a_warm_up_that_settles_is_called_stable() -> None:
    assert interleaved_bursts({"even": lambda times: [0.01] * times}, seconds=1.0)["even"].stable


def test_resident_memory_counts_children() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        family = resident(process.pid)
        own = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        process.stdin.write(b"\n")
    assert family > 1.5 * own


def test_a_process_that_is_gone_has_no_memory_and_no_time() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert resident(process.pid) == 0
    assert cpu_seconds(process.pid) == 0


def test_the_host_is_described_with_the_versions_asked_for() -> None:
    found = host(["numpy", "no-such-distribution"])
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
    assert usable_cores(root) == cores or (cores is None and usable_cores(root) == host()["usable_cores"])


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert quota(tmp_path) is None
