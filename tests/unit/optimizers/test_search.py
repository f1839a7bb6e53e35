"""How methods are asked: in order, each building on what was made before, within the time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlship.errors import MissingDependencyError
from mlship.golden import Golden
from mlship.optimization import Advice, Candidate, Method, Task
from mlship.optimizers.search import Search, advised, search
from mlship.optimizers.trials import judged
from tests.unit.optimize_support import task_for

IRIS, KINDS = load_iris(return_X_y=True)


class Renamed(Method):
    """Makes one candidate that answers alike, under another name of its graph; counts what it is asked about."""

    rank: ClassVar[int] = 10
    word: str = "renamed"
    lossless: bool = True
    asked: list[str] = []

    def advise(self, base: Candidate, task: Task) -> Advice:
        return Advice(applies=True, why="anything can be renamed")

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        self.asked.append(base.name)
        model = onnx.ModelProto()
        model.CopyFrom(base.model)
        model.graph.name += f" {self.word}"
        yield base.changed(self.word, self.word, model, lossless=self.lossless)


class Later(Renamed):
    rank: ClassVar[int] = 20


class Early(Renamed):
    rank: ClassVar[int] = 12


class Twice(Renamed):
    again: ClassVar[int | None] = 15


class Replacing(Renamed):
    rank: ClassVar[int] = 30
    replaces: ClassVar[bool] = True


class Tuning(Renamed):
    rank: ClassVar[int] = 50
    tunes: ClassVar[bool] = True


class Useless(Renamed):
    def advise(self, base: Candidate, task: Task) -> Advice:
        return Advice(applies=False, why="nothing to do: there is one product only")


class Wrong(Renamed):
    """Says that it changes no answer, and moves every score."""

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        model = onnx.ModelProto()
        model.CopyFrom(base.model)
        for item in model.graph.initializer:
            values = onnx.numpy_helper.to_array(item)
            if values.dtype == np.float64:
                item.CopyFrom(onnx.numpy_helper.from_array(values * 1.5, item.name))
        yield base.changed("wrong", "wrong", model, lossless=self.lossless)


class Absent(Renamed):
    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        raise MissingDependencyError("training a network needs torch", 'pip install "mlship[torch]"')


@pytest.fixture(scope="module")
def start() -> Any:
    return task_for(LogisticRegression(max_iter=200).fit(IRIS, KINDS), IRIS)


def found(start: Any, *, task: Task | None = None, **methods: Method) -> Search:
    base, usual = start
    task = task or usual
    golden = Golden(dict(task.judge.inputs), dict(task.judge.outputs), ("sample",) * len(task.judge))
    return search(judged(base, task, golden), methods, task, golden, seconds=0.4)


def test_candidates_are_judged_and_timed(start: Any) -> None:
    (trial,) = found(start, a=Renamed()).trials
    assert trial.objection == ""
    assert set(trial.ratios) == {1, 100}
    assert trial.quality.score == 1.0


def test_a_later_method_builds_on_the_converted_model(start: Any) -> None:
    later = Later(word="later", asked=[])
    result = found(start, b=later, a=Renamed(asked=[]))
    assert later.asked == ["converted"]
    assert [trial.candidate.name for trial in result.trials] == ["renamed", "later"]


def test_behind_the_second_rewriting_a_method_builds_on_what_was_rewritten(start: Any) -> None:
    later = Later(word="later", asked=[])
    found(start, a=Twice(asked=[]), b=later)
    assert later.asked == ["renamed"]


def test_what_others_made_is_rewritten_too(start: Any) -> None:
    twice = Twice(asked=[])
    result = found(start, a=twice, b=Early(word="pruned", lossless=False, asked=[]))
    assert twice.asked == ["converted", "pruned"]
    assert [trial.candidate.name for trial in result.trials] == ["renamed", "pruned", "pruned + renamed"]


def test_a_method_builds_on_lossy_candidates_too(start: Any) -> None:
    later = Later(word="later", asked=[])
    found(start, a=Renamed(lossless=False, asked=[]), b=later)
    assert later.asked == ["converted", "renamed"]


def test_what_replaces_a_model_is_asked_about_the_whole_one_only(start: Any) -> None:
    replacing = Replacing(word="student", lossless=False, asked=[])
    found(start, a=Renamed(asked=[]), b=Later(word="pruned", lossless=False, asked=[]), c=replacing)
    assert replacing.asked == ["converted"]


def test_tuning_is_asked_about_those_that_proved_best(start: Any) -> None:
    tuning = Tuning(word="tuned", asked=[])
    found(start, a=Renamed(asked=[]), t=tuning)
    assert sorted(tuning.asked) == ["converted", "renamed"]


def test_what_does_not_apply_is_not_tried_and_its_reason_is_kept(start: Any) -> None:
    result = found(start, a=Useless(asked=[]))
    assert result.trials == []
    assert result.advice["a"].why == "nothing to do: there is one product only"


def test_a_candidate_that_is_not_as_exact_as_it_says_is_out(start: Any) -> None:
    (trial,) = found(start, a=Wrong()).trials
    assert trial.objection.startswith("is not as exact as it says: ")
    assert trial.ratios == {}


def test_a_missing_package_is_an_advice(start: Any) -> None:
    result = found(start, a=Absent())
    assert result.advice["a"] == Advice(
        applies=False, why='training a network needs torch: pip install "mlship[torch]"'
    )


def test_when_time_is_up_nothing_more_is_tried(start: Any) -> None:
    later = Later(word="later", asked=[])
    result = found(start, task=replace(start[1], left=lambda: 0.0), a=Renamed(asked=[]), b=later)
    assert later.asked == []
    assert result.cut_short


def test_who_asks_for_short_measurements_has_not_run_out_of_time(start: Any) -> None:
    base, task = start
    golden = Golden(dict(task.judge.inputs), dict(task.judge.outputs), ("sample",) * len(task.judge))
    result = search(judged(base, task, golden), {"a": Renamed()}, task, golden, seconds=0.02)
    assert result.cut_short == ""
    assert set(result.trials[0].ratios) == {1, 100}


def test_advice_comes_in_the_order_of_trying(start: Any) -> None:
    base, task = start
    assert list(advised(base, {"z": Renamed(), "a": Tuning(), "m": Later()}, task)) == ["z", "m", "a"]
