"""The whole sample again, as tensors of a signature: rows for the stages that come after the visit to the original."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.originals import samples
from mlship.originals.frames import align, to_tensors
from mlship.originals.texts import choose
from mlship.signature import Signature


@dataclass(frozen=True)
class Replayed:
    """Rows of a sample: ``inputs`` (rows, width) by ONNX input name; ``target`` (rows,): NaN or None where unknown."""

    inputs: dict[str, NDArray[Any]]
    target: NDArray[Any] | None


def rows(sample: Path, signature: Signature, *, target: str | None, most: int, seed: int) -> Replayed:
    """Read ``sample`` as the visit did, by what the signature says of the columns; draw ``most`` of more rows.

    Raises DataError where the sample does not fit, or has no column ``target``.
    """
    texts = [column.name for column in signature.columns if column.type == "string"]
    found = samples.read(sample, texts, target)
    if isinstance(found, pd.DataFrame) and len(texts) == len(signature.columns) == 1 and not signature.named:
        left = found.drop(columns=[target] if target in found.columns else [])
        found = samples.read(sample, [choose(left)], target)
        names = {choose(left): texts[0]}
        found = found.rename(columns=names) if isinstance(found, pd.DataFrame) else found
        aligned = align(found, _Likeness(texts), target)
    else:
        aligned = align(found, _Likeness([column.name for column in signature.columns]), target)
    picked = np.arange(len(aligned.frame))
    if len(picked) > most:
        picked = np.sort(np.random.default_rng(seed).choice(len(picked), size=most, replace=False))
    inputs = to_tensors(aligned.frame.iloc[picked], signature.columns, signature.tensors)
    return Replayed(inputs, None if aligned.target is None else aligned.target[picked])


class _Likeness:
    """Stands in for the original where only the names of its columns are asked for."""

    def __init__(self, names: list[str]) -> None:
        self.feature_names_in_ = names
        self.n_features_in_ = len(names)
