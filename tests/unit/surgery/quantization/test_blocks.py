"""Weights in blocks of 32 with a scale each."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlship.surgery.graph import Graph
from mlship.surgery.quantization.blocks import Bits, blocked, packed
from mlship.surgery.quantization.layers import layers
from mlship.surgery.quantization.preparing import as_matmul
from tests.unit.surgery.quantization.networks import answers, perceptron, rows

MODEL = as_matmul(perceptron(dtype=np.float32))


def unpacked(stored: NDArray[np.uint8], scales: NDArray[Any], bits: Bits) -> NDArray[Any]:
    """Return (to, blocks * 32) as the format defines it."""
    levels = stored.astype(int)
    if bits == 4:
        levels = np.stack([levels & 15, levels >> 4], axis=-1).reshape(*stored.shape[:2], -1)
    return ((levels - (1 << (bits - 1))) * scales[..., None]).reshape(len(stored), -1)


@pytest.mark.parametrize("bits", [8, 4])
def test_no_weight_is_off_by_more_than_a_step(bits: Bits) -> None:
    weights = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
    stored, scales = packed(weights, bits)
    found = unpacked(stored, scales, bits)
    assert np.array_equal(found[:, 70:], np.zeros((5, 26)))
    assert np.all(np.abs(found[:, :70].T - weights) <= np.abs(scales).max() * 1.001)


def test_a_block_of_zeros_stays_zero() -> None:
    stored, scales = packed(np.zeros((32, 1), np.float32), 8)
    assert not unpacked(stored, scales, 8).any()


@pytest.mark.parametrize(("bits", "share", "error"), [(8, 0.3, 0.02), (4, 0.18, 0.3)])
def test_a_network_gets_smaller_and_answers_nearly_alike(bits: Bits, share: float, error: float) -> None:
    model = blocked(MODEL, layers(Graph(MODEL)), bits)
    assert model.ByteSize() < share * MODEL.ByteSize()
    wanted = answers(MODEL, rows())
    assert np.abs(answers(model, rows()) - wanted).max() < error * np.abs(wanted).max()


def test_an_answer_does_not_depend_on_the_other_rows() -> None:
    model, x = blocked(MODEL, layers(Graph(MODEL)), 8), rows(20)
    alone = np.concatenate([answers(model, x[[row]]) for row in range(20)])
    np.testing.assert_allclose(answers(model, x), alone, rtol=1e-5, atol=1e-5)


def test_layers_that_are_not_named_stay() -> None:
    model = blocked(MODEL, layers(Graph(MODEL))[:1], 4)
    kinds = [node.op_type for node in model.graph.node]
    assert (kinds.count("MatMulNBits"), kinds.count("MatMul")) == (1, 2)
