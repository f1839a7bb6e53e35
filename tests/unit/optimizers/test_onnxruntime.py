import json
from pathlib import Path
from typing import Any

import pytest

from mlship.measure import Ratio
from mlship.optimizers.onnxruntime import OnnxRuntimeOptimizer, _best, _Candidate
from mlship.parity import Verdict


def candidate(name: str, *ratios: tuple[float, float, float], passed: bool = True) -> _Candidate:
    verdict = Verdict(passed=passed, rows=1, rows_off=0, largest=0.0, allowed=1e-9)
    return _Candidate(name, Path(name), 1, {batch: Ratio(*ratio) for batch, ratio in enumerate(ratios)}, verdict)


SAME, FASTER, SLOWER, NOISY = (1.0, 0.99, 1.01), (0.5, 0.4, 0.6), (1.2, 1.1, 1.3), (0.9, 0.7, 1.1)
FIRST = candidate("converted", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("other", "wins"),
    [
        (candidate("faster", FASTER, SAME), True),
        (candidate("faster at one, slower at many", FASTER, SLOWER), False),
        (candidate("inside the noise", NOISY, SAME), False),
        (candidate("faster and wrong", FASTER, FASTER, passed=False), False),
    ],
)
def test_only_what_is_faster_somewhere_slower_nowhere_and_right_is_kept(other: _Candidate, wins: bool) -> None:
    assert (_best([FIRST, other]) is other) is wins


def test_the_fastest_of_several_wins() -> None:
    best = candidate("best", (0.2, 0.1, 0.3), FASTER)
    assert _best([FIRST, candidate("good", FASTER, FASTER), best]) is best


def test_all_candidates_are_kept_in_the_report(cases: Any, tmp_path: Path) -> None:
    inputs = cases["numeric"].write(tmp_path)
    (tmp_path / "out").mkdir()
    stage = OnnxRuntimeOptimizer(threads=(2,), seconds=0.1)
    outcome = stage.run(inputs, tmp_path / "out", lambda message, fraction=None: None)
    found = json.loads((tmp_path / "out" / "candidates.json").read_text())
    assert [item["name"] for item in found] == ["converted, 1 thread", "converted, 2 threads", "graph, 2 threads"]
    assert [item["name"] for item in found if item["chosen"]] == [outcome.facts["chosen"]]
    assert all(item["parity"]["passed"] for item in found)
    session = json.loads((tmp_path / "out" / "session.json").read_text())
    assert session == {"intra_op_num_threads": outcome.facts["threads"]}
