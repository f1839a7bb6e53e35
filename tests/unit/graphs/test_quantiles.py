"""Ranks among quantiles: on them, between them, beyond them."""

import numpy as np
import pytest
from sklearn.preprocessing import QuantileTransformer

from mlship.parity import Tolerance

RNG = np.random.default_rng(0)
ROWS = np.column_stack([RNG.normal(size=300), RNG.exponential(1e6, 300), RNG.integers(0, 5, 300)])


def _hard(model):
    on = model.quantiles_
    return np.concatenate([ROWS, on, np.nextafter(on, -np.inf), np.nextafter(on, np.inf), on * 1.5 - 1, -on])


@pytest.mark.parametrize("count", [1, 2, 10, 64, 300])
def test_uniform_ranks_are_bit_equal(agrees, count):
    model = QuantileTransformer(n_quantiles=count).fit(ROWS)
    agrees(model, _hard(model), Tolerance(0.0, 0.0))


@pytest.mark.parametrize("count", [2, 10, 300])
def test_normal_ranks_agree(agrees, count):
    model = QuantileTransformer(n_quantiles=count, output_distribution="normal").fit(ROWS)
    agrees(model, _hard(model))


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_missing_values_and_constant_columns_agree(agrees, output):
    rows = ROWS.copy()
    rows[::7, 0] = np.nan
    rows[:, 1] = 4.0
    model = QuantileTransformer(n_quantiles=50, output_distribution=output).fit(rows)
    agrees(model, np.concatenate([rows, rows + 0.5, np.full((1, 3), np.nan)]))


def test_a_thousand_quantiles_of_many_columns_make_few_nodes(agrees):
    rows = RNG.normal(size=(1000, 50))
    checked = agrees(QuantileTransformer(output_distribution="normal").fit(rows), rows[:20] * 1.1)
    assert len(checked.conversion.model.graph.node) < 200
