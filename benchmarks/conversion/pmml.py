"""How many of scikit-learn's estimators score equal as PMML, in pypmml and in JPMML's evaluator; both need Java."""

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jpmml_evaluator
import pandas as pd
from jpmml_evaluator.py4j import Py4JBackend
from sklearn.base import is_classifier
from sklearn.utils import all_estimators

from benchmarks.conversion import estimators
from mlship import parity, pmml
from mlship.errors import MlshipError
from mlship.golden import Golden
from mlship.originals.adapters import adapted
from mlship.originals.answers import answering
from mlship.originals.frames import describe, to_tensors
from mlship.originals.knowledge import know
from mlship.pmml import scoring
from mlship.signature import Column

SETS = ("iris", "breast_cancer", "diabetes", "linnerud")


@dataclass(frozen=True)
class Scored:
    """What two evaluators make of one model: "" where they agree with the original, else the difference."""

    name: str
    pypmml: str
    jpmml: str


def jpmml(path: Path, fields: Mapping[str, Sequence[str]], columns: Sequence[Column], golden: Golden) -> dict[str, Any]:
    """Return what JPMML's evaluator answers for the golden rows, by output."""
    rows = pd.DataFrame(scoring.records(golden.inputs, columns), columns=[c.name for c in columns], dtype=object)
    evaluator = jpmml_evaluator.make_evaluator(path, backend="py4j")
    table, errors = evaluator.evaluateAll(rows, error_col=None, parallelism=1)
    if errors is not None:
        raise ValueError(f"JPMML: {next(error for error in errors if error)}")
    found = {name: [None if value is None else value for value in table[name].tolist()] for name in table.columns}
    return scoring.shaped(found, fields, golden)


def score(model: Any, rows: Any, folder: Path) -> tuple[parity.Verdict, parity.Verdict]:
    """Convert ``model`` and compare what pypmml and JPMML answer for ``rows`` (array or frame) with the original."""
    model, named = adapted(model), isinstance(rows, pd.DataFrame)
    frame = rows if named else pd.DataFrame(rows if getattr(rows, "ndim", 2) == 2 else rows.reshape(-1, 1))
    frame = frame.set_axis([str(name) if named else f"x{name}" for name in frame.columns], axis=1)
    columns, tensors = describe(frame, know(model, list(frame.columns)))
    nulls = {name: bool(frame[name].isna().any()) for name in frame.columns}
    columns = tuple(column.model_copy(update={"nullable": nulls[column.name]}) for column in columns)
    inputs = to_tensors(frame, columns, tensors)
    golden = Golden(inputs, answering(model, columns, named=named)(inputs), ("sample",) * len(frame))
    converted = pmml.convert(model, columns)
    path = folder / "model.pmml"
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(converted.pieces)
    tolerance = parity.DOUBLE if converted.precision == "float64" else parity.FLOAT
    answers = [evaluate(path, converted.fields, columns, golden) for evaluate in (scoring.score, jpmml)]
    first, second = (parity.compare(golden, answer, tolerance) for answer in answers)
    return first, second


def end_java() -> None:
    """Stop JPMML's Java, where it was started; that of pypmml ends with this process."""
    gateway = Py4JBackend.gateway
    if gateway is not None:
        Py4JBackend.destroyGateway()
        gateway.java_process.stdin.close()  # py4j's own thread reads and closes what Java prints
        gateway.java_process.wait(timeout=60)


def scored(only: Sequence[str] = ()) -> Iterator[Scored]:
    """Yield each estimator's name and how it scores on the first small data set that it fits."""
    kinds = dict(all_estimators())
    for name in only or estimators.names():
        yield _one(name, kinds[name])


def _one(name: str, kind: type[Any]) -> Scored:
    for data, (rows, target) in estimators.data_for(name).items():
        model = estimators.fitted(kind, rows, target) if data in SETS else None
        if model is None or (is_classifier(model) and data not in ("iris", "breast_cancer")):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                verdicts = score(model, rows, Path(folder))
            except MlshipError as error:
                return Scored(name, error.message, error.message)
            except Exception as error:  # noqa: BLE001  # a crash is a finding: report it
                crash = f"{type(error).__name__}: {error}"
                return Scored(name, crash, crash)
        return Scored(name, *("" if verdict.passed else verdict.sentence() for verdict in verdicts))
    return Scored(name, "fits none of the data sets", "fits none of the data sets")


def main(only: Sequence[str] = ()) -> None:
    """Print what fails, then how many estimators score equal: labels, and numbers within 1e-9 relative."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(scored(only))
    end_java()
    for item in found:
        if item.pypmml or item.jpmml:
            print(f"{item.name:<32} pypmml: {item.pypmml or 'equal':<80} JPMML: {item.jpmml or 'equal'}")
    both = sum(not item.pypmml and not item.jpmml for item in found)
    each = {name: sum(not getattr(item, name) for item in found) for name in ("pypmml", "jpmml")}
    print(f"PMML: {both} of {len(found)} equal in both evaluators (goal 100); {each}")


if __name__ == "__main__":
    main()
