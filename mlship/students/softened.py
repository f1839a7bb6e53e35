"""A small network that PyTorch trains on softened targets: at a temperature, wrong classes say more.

Source: G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a neural network" (2015), section 2.
"""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from mlship.extras import missing
from mlship.students.kinds import Plan
from mlship.students.lessons import Floats, Lesson

_RATE, _DECAY, _BATCH = 0.003, 1e-2, 64
_VISITS, _EPOCHS = 300_000, (20, 400)  # rows seen in all epochs together, and the fewest and most epochs
_LEAST = 1e-6  # a probability of 0 has no logarithm


def network(plan: Plan, matrix: NDArray[Any], lesson: Lesson, classes: NDArray[Any], seed: int) -> MLPClassifier:
    """Return a trained network with one hidden layer (relu), held by scikit-learn's class for such networks.

    The loss is the cross-entropy with the teacher's softened probabilities times the square of the temperature, and
    that with the true labels, as far as they are known. Without a teacher it is the latter alone, which is plain
    training. Raises MissingDependencyError without torch.
    """
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise missing("torch", "a student on softened targets") from error
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums come in the same order in every run
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = _layers(torch, plan, matrix.shape[1], len(classes))
            _train(torch, layers, _tensors(torch, matrix, lesson, len(classes)), float(plan.settings["temperature"]))
    finally:
        torch.set_num_threads(before)
    arrays = [part.detach().numpy().astype(np.float64) for part in layers.parameters()]
    return _held(plan, matrix, classes, arrays)


def _layers(torch: Any, plan: Plan, width: int, classes: int) -> Any:
    neurons = plan.settings["neurons"]
    return torch.nn.Sequential(torch.nn.Linear(width, neurons), torch.nn.ReLU(), torch.nn.Linear(neurons, classes))


def _tensors(torch: Any, matrix: NDArray[Any], lesson: Lesson, classes: int) -> list[Any]:
    """Return the rows, the logarithms of what the teacher says, and the truth; rows of zeros where one is unknown."""
    unknown: Floats = np.zeros((len(matrix), classes))
    taught = unknown if lesson.taught is None else np.log(np.maximum(lesson.taught, _LEAST))
    truth = unknown.copy()
    if lesson.truth is not None:
        truth[: len(lesson.truth)] = lesson.truth
    known = np.full((len(matrix), 1), float(lesson.taught is not None))
    return [
        torch.from_numpy(np.asarray(part, dtype=np.float32)) for part in (matrix, taught, known, truth, lesson.weights)
    ]


def _train(torch: Any, layers: Any, data: list[Any], temperature: float) -> None:
    functional = torch.nn.functional
    optimizer = torch.optim.AdamW(layers.parameters(), lr=_RATE, weight_decay=_DECAY)
    fewest, most = _EPOCHS
    for _ in range(max(fewest, min(most, _VISITS // len(data[0])))):
        for picked in torch.randperm(len(data[0])).split(_BATCH):
            rows, taught, known, truth, weights = (part[picked] for part in data)
            given = layers(rows)
            soft = functional.softmax(taught / temperature, dim=1) * known
            loss = -(truth * functional.log_softmax(given, dim=1)).sum(dim=1)
            loss = loss - temperature**2 * (soft * functional.log_softmax(given / temperature, dim=1)).sum(dim=1)
            optimizer.zero_grad()
            (loss * weights).mean().backward()
            optimizer.step()


def _held(plan: Plan, matrix: NDArray[Any], classes: NDArray[Any], arrays: list[NDArray[Any]]) -> MLPClassifier:
    """Put the weights into a network of scikit-learn, which was trained just enough to know its classes.

    That answers two classes by one sigmoid, of the difference of the two logits.
    """
    hidden, offsets, last, last_offsets = arrays
    if len(classes) == 2:
        last, last_offsets = last[1:] - last[:1], last_offsets[1:] - last_offsets[:1]
    rows = np.resize(np.arange(len(matrix)), len(classes))
    model = MLPClassifier((plan.settings["neurons"],), max_iter=1, random_state=0).fit(matrix[rows], classes)
    model.coefs_ = [hidden.T.copy(), last.T.copy()]
    model.intercepts_ = [offsets, last_offsets]
    return model
