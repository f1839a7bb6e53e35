import dataclasses
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from mlship.measure import usable_cores
from mlship.optimization import Candidate, Task
from mlship.optimizers.session import SessionTuning
from mlship.runtime import Session, Settings
from tests.unit.optimize_support import task_for

ROWS, LABELS = load_digits(return_X_y=True)
Pair = tuple[Candidate, Task]


@pytest.fixture(scope="module")
def forest() -> Pair:
    return task_for(RandomForestClassifier(30, max_depth=8, random_state=0).fit(ROWS, LABELS), ROWS[:400])


@pytest.fixture(scope="module")
def network() -> Pair:
    model = MLPClassifier((256, 256), random_state=0, tol=1e6, n_iter_no_change=1)
    return task_for(model.fit(ROWS, LABELS), ROWS[:200])


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlship.optimizers.session.usable_cores", lambda: 4)


def asked(pair: Pair, *batches: int, objective: str = "latency", **changes: Any) -> Pair:
    return pair[0], dataclasses.replace(pair[1], batches=batches, objective=objective, **changes)


def proposed(pair: Pair, **options: Any) -> dict[str, Candidate]:
    return {made.name: made for made in SessionTuning(**options).propose(*pair)}


@pytest.mark.usefixtures("four_cores")
def test_large_calls_are_shared_in_blocks_or_by_the_library(forest: Pair) -> None:
    pair = asked(forest, 1, 4_000)
    assert "worth sharing among 4 cores" in SessionTuning().advise(*pair).why
    settings = {name: dict(made.settings) for name, made in proposed(pair).items()}
    assert settings == {
        "blocks of 1,008 rows on 4 threads": {"rows_a_run": 1_008, "parallel_blocks": 4},
        "4 threads, asleep when idle": {"intra_op_num_threads": 4, "allow_spinning": False},
        "4 threads": {"intra_op_num_threads": 4},
    }


@pytest.mark.usefixtures("four_cores")
def test_candidates_have_the_model_as_it_is_a_reason_and_the_settings_that_were_there(forest: Pair) -> None:
    base, task = asked(forest, 4_000, 1)
    base = dataclasses.replace(base, settings={"enable_cpu_mem_arena": False})
    for made in SessionTuning().propose(base, task):
        assert made.model is base.model
        assert made.lossless
        assert made.steps == ("session",)
        assert made.facts["session"]
        assert made.settings["enable_cpu_mem_arena"] is False
        Settings(**made.settings)


@pytest.mark.usefixtures("four_cores")
def test_throughput_of_large_calls_is_worth_more_sizes_of_blocks(forest: Pair) -> None:
    latency, throughput = (asked(forest, 1, 4_000, objective=aim) for aim in ("latency", "throughput"))
    assert set(proposed(throughput)) - set(proposed(latency)) == {"blocks of 256 rows on 4 threads"}


@pytest.mark.parametrize("cores", [0, 2, 1000])
def test_no_candidate_uses_more_cores_than_there_are(forest: Pair, cores: int) -> None:
    for made in proposed(asked(forest, 1, 10_000), cores=cores).values():
        assert Settings(**made.settings).threads <= usable_cores()


@pytest.mark.usefixtures("four_cores")
def test_cores_can_be_kept_for_other_processes(forest: Pair) -> None:
    threads = [Settings(**made.settings).threads for made in proposed(asked(forest, 1, 10_000), cores=2).values()]
    assert threads == [2, 2, 2]


def test_one_core_shares_nothing(forest: Pair) -> None:
    pair = asked(forest, 1, 400)
    advice = SessionTuning(cores=1).advise(*pair)
    assert not advice.applies
    assert "on the only core" in advice.why
    assert not proposed(pair, cores=1)


@pytest.mark.usefixtures("four_cores")
def test_small_calls_are_not_worth_sharing() -> None:
    pair = task_for(LogisticRegression(max_iter=100, tol=0.1).fit(ROWS / 16, LABELS), ROWS[:100] / 16)
    advice = SessionTuning().advise(*asked(pair, 1, 100))
    assert not advice.applies
    assert "a call of 100 rows takes about" in advice.why
    assert "too little to share" in advice.why


@pytest.mark.usefixtures("four_cores")
def test_settings_do_not_make_a_file_smaller(forest: Pair) -> None:
    pair = asked(forest, 10_000, objective="size")
    assert not SessionTuning().advise(*pair).applies
    assert not proposed(pair)


def test_wide_layers_are_cut_to_what_the_cache_holds_even_on_one_core(network: Pair) -> None:
    pair = asked(network, 1, 10_000)
    assert "the processor's cache holds" in SessionTuning(cores=1).advise(*pair).why
    [made] = proposed(pair, cores=1).values()
    assert made.settings == {"rows_a_run": 1_024, "parallel_blocks": 1}


@pytest.mark.parametrize("kind", [RandomForestClassifier, RandomForestRegressor])
def test_trees_that_see_all_rows_in_turn_answer_to_the_last_bit(kind: Any) -> None:
    model = kind(12, min_samples_leaf=3, random_state=0).fit(ROWS, LABELS + 0.0)
    base, task = asked(task_for(model, ROWS[:300]), 1_000)
    [made] = SessionTuning(cores=1).propose(base, task)
    assert made.name == "tree after tree"
    before, after = Session(base.model.SerializeToString()), Session(made.model.SerializeToString())
    rows = np.random.default_rng(0).uniform(0, 16, (1_000, 64))
    wanted, found = (session.run(session.feed({"features": rows})) for session in (before, after))
    assert {name: values.tolist() for name, values in found.items()} == {
        name: values.tolist() for name, values in wanted.items()
    }


def test_trees_stay_together_where_small_calls_matter_too(forest: Pair) -> None:
    assert not any("tree after tree" in name for name in proposed(asked(forest, 100, 10_000)))


def test_trees_stay_together_where_there_is_no_time_to_part_them(forest: Pair) -> None:
    pair = asked(forest, 10_000, left=lambda: 0.01)
    assert not any("tree after tree" in name for name in proposed(pair))


@pytest.mark.usefixtures("four_cores")
def test_calls_are_not_cut_where_answers_depend_on_the_batch(network: Pair) -> None:
    base, task = asked(network, 10_000)
    base = dataclasses.replace(base, facts={"depends_on_batch": True})
    assert set(proposed((base, task))) == {"4 threads, asleep when idle", "4 threads"}


@pytest.mark.usefixtures("four_cores")
def test_calls_are_not_cut_where_the_model_takes_a_fixed_number_of_rows(network: Pair) -> None:
    base, task = asked(network, 10_000)
    fixed = onnx.ModelProto()
    fixed.CopyFrom(base.model)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 10_000
    pair = dataclasses.replace(base, model=fixed), task
    assert set(proposed(pair)) == {"4 threads, asleep when idle", "4 threads"}
