"""BentoML as its documentation shows a scikit-learn service, without and with its adaptive batching.

Of ``def`` and ``async def`` each has what answers more: a batch runs in a thread while the next one is gathered.
"""

import os

import bentoml
import joblib
import numpy as np
from numpy.typing import NDArray


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Iris:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    async def predict(self, features: NDArray[np.float64]) -> NDArray[np.int64]:
        return self.model.predict(features)

    @bentoml.api(batchable=True, max_batch_size=64)
    def predict_batch(self, features: NDArray[np.float64]) -> NDArray[np.int64]:
        return self.model.predict(features)
