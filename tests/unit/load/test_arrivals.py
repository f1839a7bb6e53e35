import itertools

import numpy as np

from mlship.load import arrivals


def test_constant_arrivals_do_not_drift() -> None:
    moments = list(itertools.islice(arrivals.constant(3.0, first=5), 3001))
    assert moments[:3] == [5, 333_333_338, 666_666_671]
    assert moments[3000] == 1_000_000_000_005


def test_poisson_arrivals_are_those_of_a_poisson_process() -> None:
    moments = np.array(list(itertools.islice(arrivals.poisson(1000.0, seed=7), 20_000)))
    waits = np.diff(moments) * 1e-9
    assert abs(waits.mean() - 1e-3) < 3e-5
    assert abs(waits.std() - 1e-3) < 5e-5
    in_hundredths = np.bincount(moments // 10_000_000)[:-1]
    assert abs(in_hundredths.var() / in_hundredths.mean() - 1) < 0.15


def test_poisson_arrivals_follow_the_seed() -> None:
    first, again, other = (list(itertools.islice(arrivals.poisson(9.0, seed), 5)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
