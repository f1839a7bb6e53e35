import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlship.measure import (
    Ratio,
    Sample,
    cpu_seconds,
    percentile,
    ratio,
    resident,
    summary,
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
