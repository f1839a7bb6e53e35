"""Keras models: read without Keras, loaded in safe mode, exported through PyTorch."""

import json
import os
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

os.environ["KERAS_BACKEND"] = "torch"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

from mlship import gate
from mlship.errors import ModelError, UnsupportedModelError
from mlship.originals.adapters import adapted
from mlship.parity import FLOAT
from mlship.sources.keras import KerasSource

layers = keras.layers


@pytest.fixture
def loaded(tmp_path):
    """Return a function that saves a model and loads it as mlship does."""

    def load(model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(tmp_path / "model.keras")
        found = gate.inspect(tmp_path / "model.keras")
        assert found.untrusted == ()
        return adapted(KerasSource().load(tmp_path / "model.keras"))

    return load


def test_a_network_for_a_table(agrees, loaded):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scaled = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])
        stack = [scaled, layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(3)]
        model = loaded(keras.Sequential([keras.Input((3,)), *stack, layers.Activation("softmax")]))
        checked = agrees(model, np.random.default_rng(0).normal(size=(6, 3)), FLOAT)
    assert checked.golden.outputs["prediction"].shape == (6, 3)
    assert checked.conversion.route == ("KerasModel: mlship",)


def test_inputs_by_name_with_an_embedding(agrees, loaded):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        age, code = keras.Input((1,), name="age"), keras.Input((1,), name="code", dtype="int32")
        both = layers.Concatenate()([age, layers.Flatten()(layers.Embedding(5, 2)(code))])
        model = loaded(keras.Model([age, code], layers.Dense(1)(both)))
        assert list(model.feature_names_in_) == ["age", "code"]
        checked = agrees(model, pd.DataFrame({"age": [0.5, 2.0, 1.0], "code": [0, 4, 2]}), FLOAT)
    assert checked.golden.outputs["prediction"].shape == (3,)


def test_a_layer_that_runs_code_is_not_trusted_and_never_loaded(tmp_path):
    path = tmp_path / "lambda.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x * 2)]).save(path)
    assert KerasSource().inspect(path).untrusted == ("keras.layers.Lambda",)
    with pytest.raises(ModelError, match="cannot be loaded: Requested the deserialization of a `Lambda` layer"):
        KerasSource().load(path)


@pytest.mark.parametrize(
    ("module", "kind"), [("os", "system"), ("keras.layers", "TFSMLayer"), ("builtins", "eval"), ("keras", "function f")]
)
def test_names_that_are_not_those_of_keras_are_not_trusted(tmp_path, module, kind):
    path = tmp_path / "odd.keras"
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"layers": [{"module": module, "class_name": kind}]},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
    assert KerasSource().inspect(path).untrusted == (f"{module}.{kind}",)


def test_rows_of_any_length_are_refused_by_name(loaded):
    with pytest.raises(UnsupportedModelError, match="is no table of numbers"):
        loaded(keras.Sequential([keras.Input((None, 2)), layers.Dense(1)]))


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match=r"'broken\.keras' cannot be read"):
        KerasSource().inspect(path)
