"""FastAPI and ONNX Runtime: ``async def``, as a call is shorter than the way to a thread and back."""

import os

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["ONNX"], options, providers=["CPUExecutionProvider"])
source = session.get_inputs()[0]
dtype = np.float64 if source.type == "tensor(double)" else np.float32
app = FastAPI()


class Rows(BaseModel):
    features: list[list[float]]


@app.post("/predict")
async def predict(rows: Rows) -> dict[str, list[int]]:
    labels = session.run(["prediction"], {source.name: np.array(rows.features, dtype)})[0]
    return {"prediction": labels.tolist()}
