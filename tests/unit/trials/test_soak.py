import numpy as np
import pytest

from mlship.reports.model import Moment
from mlship.trials.soak import growth


def moments(rss: list[float] | None = None, p50: list[float] | None = None, count: int = 60) -> list[Moment]:
    memory, latency = rss or [80e6] * count, p50 or [0.001] * count
    return [
        Moment(
            second=10.0 * (number + 1),
            requests=100,
            failures=0,
            p50=latency[number],
            p99=0.01,
            longest=0.1,
            rss_bytes=int(memory[number]),
        )
        for number in range(count)
    ]


def noise(seed: int, count: int = 60) -> list[float]:
    return list(np.random.default_rng(seed).normal(size=count))


def test_memory_that_leaks_is_told_with_its_rate() -> None:
    leaking = [80e6 + 1e6 * number + 2e5 * noise for number, noise in enumerate(noise(1))]
    [note] = growth(moments(rss=leaking))
    assert note == "memory grows steadily: from 92 MB to 139 MB in 470 s, which is 360 MB an hour"


def test_latency_that_creeps_up_is_told() -> None:
    [note] = growth(moments(p50=[0.001 + 5e-5 * number for number in range(60)]))
    assert note == "latency grows steadily: p50 from 1.6 ms to 4.0 ms in 470 s"


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_growth(seed: int) -> None:
    memory = [80e6 + 5e6 * value for value in noise(seed)]
    assert growth(moments(rss=memory, p50=[0.001 * np.exp(0.3 * value) for value in noise(seed + 10)])) == ()


def test_memory_that_fills_caches_at_the_start_is_not_told() -> None:
    assert growth(moments(rss=[40e6 + 4e6 * min(number, 10) for number in range(60)])) == ()


def test_growth_that_nobody_cares_about_is_not_told() -> None:
    assert growth(moments(rss=[80e6 + 1e4 * number for number in range(60)])) == ()


@pytest.mark.parametrize("count", [0, 1, 9])
def test_a_short_run_says_nothing(count: int) -> None:
    assert growth(moments(rss=[80e6 * (number + 1) for number in range(count)], count=count)) == ()


def test_a_service_elsewhere_has_no_memory_to_grow() -> None:
    elsewhere = [moment.model_copy(update={"rss_bytes": None}) for moment in moments()]
    assert growth(elsewhere) == ()
