"""Flask and joblib as tutorials show them."""

import os
from typing import Any

import joblib
from flask import Flask, Response, jsonify, request

model = joblib.load(os.environ["MODEL"])
app = Flask(__name__)


@app.post("/predict")
def predict() -> Response:
    body: Any = request.get_json()
    return jsonify(prediction=model.predict(body["features"]).tolist())
