"""FastAPI and joblib as tutorials show them: a pydantic model in, ``predict``, a dict out.

The documentation has ``def`` for what computes, which runs in a thread; it shows a model in ``async def`` too, which
spares the thread and keeps all others waiting: both are measured.
"""

import os

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(os.environ["MODEL"])
app = FastAPI()


class Rows(BaseModel):
    features: list[list[float]]


@app.post("/predict")
def predict(rows: Rows) -> dict[str, list[int]]:
    return {"prediction": model.predict(rows.features).tolist()}


@app.post("/predict-inline")
async def predict_inline(rows: Rows) -> dict[str, list[int]]:
    return {"prediction": model.predict(rows.features).tolist()}
