"""PyTorch models: tables first, pictures as rows, any number of rows from whatever was exported."""

import warnings

import numpy as np
import pytest
import torch

from mlship.errors import UnsupportedModelError
from mlship.originals.adapters import adapted
from mlship.parity import FLOAT

nn = torch.nn
ROWS = np.random.default_rng(0).normal(size=(7, 4))


def table(outputs=3):
    torch.manual_seed(0)
    layers = nn.BatchNorm1d(4), nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, outputs)
    return nn.Sequential(*layers).eval()


def program(module, rows, *, free=True):
    return torch.export.export(module, (rows,), dynamic_shapes=({0: torch.export.Dim.AUTO},) if free else None)


def scripted(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(table()) if kind == "script" else torch.jit.trace(table(), torch.zeros(2, 4))


@pytest.mark.parametrize("free", [True, False])
def test_an_exported_program_takes_any_number_of_rows(agrees, free):
    model = adapted(program(table(), torch.zeros(2 if free else 1, 4), free=free))
    checked = agrees(model, ROWS, FLOAT)
    assert checked.conversion.precision == "float32"
    assert checked.conversion.route == ("TorchModel: mlship",)
    np.testing.assert_allclose(
        checked.golden.outputs["prediction"], table()(torch.from_numpy(ROWS).float()).detach(), atol=1e-6
    )


@pytest.mark.parametrize("kind", ["script", "trace"])
def test_torchscript_takes_as_many_columns_as_its_parameters_say(agrees, kind):
    model = adapted(scripted(kind))
    assert model.n_features_in_ == 4
    agrees(model, ROWS, FLOAT)


def test_a_module_with_one_output_answers_with_a_number_a_row(agrees):
    model = adapted(table(1))
    assert model.title == "Sequential"
    assert agrees(model, ROWS, FLOAT).golden.outputs["prediction"].shape == (7,)


def test_a_picture_comes_as_a_row(agrees):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 4, 2)).eval()
    model = adapted(program(net, torch.zeros(2, 1, 4, 4)))
    assert model.n_features_in_ == 16
    agrees(model, ROWS.reshape(-1)[:16].reshape(1, 16), FLOAT)


def test_a_program_in_double_stays_in_double(agrees):
    model = adapted(program(table().double(), torch.zeros(2, 4, dtype=torch.float64)))
    assert agrees(model, ROWS).conversion.precision == "float64"


def test_what_is_too_wide_for_columns_is_refused_by_name():
    with pytest.raises(UnsupportedModelError, match="takes 12,288 numbers a row"):
        adapted(program(nn.Flatten(), torch.zeros(2, 3, 64, 64)))


def test_a_module_that_takes_no_rows_is_refused_by_name():
    with pytest.raises(UnsupportedModelError, match="does not take rows of numbers"):
        adapted(nn.Conv2d(1, 2, 3))
