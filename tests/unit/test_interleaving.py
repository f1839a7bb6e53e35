import hashlib
import threading
import time
from collections.abc import Mapping

from mlship.interleaving import burst, interleaved, interleaved_bursts
from mlship.measure import Sample, ratio


def test_a_slower_call_is_found_to_be_slower() -> None:
    measured = interleaved({"one": lambda: time.sleep(0.001), "three": lambda: time.sleep(0.003)}, seconds=0.4)
    assert ratio(measured["three"], measured["one"]).slower
    assert measured["one"].median >= 0.001


def test_candidates_take_turns_in_random_order() -> None:
    turns = []

    def candidate(name: str, times: int) -> list[float]:
        turns.append(name)
        return [0.01] * times

    calls = {name: (lambda times, name=name: candidate(name, times)) for name in "ab"}
    measured = interleaved_bursts(calls, seconds=0.5, rounds=20, seed=1)
    rounds = [tuple(turns[-40:][start : start + 2]) for start in range(0, 40, 2)]
    assert set(rounds) == {("a", "b"), ("b", "a")}
    assert len(measured["a"].rounds) == len(measured["b"].rounds) == 20


def test_a_thread_that_one_candidate_leaves_running_is_waited_for() -> None:
    content, threads, seen = bytes(10_000_000), [], []

    def leave(times: int) -> list[float]:
        threads.append(threading.Thread(target=hashlib.sha256, args=(content,)))
        threads[-1].start()
        return [0.01] * times

    def look(times: int) -> list[float]:
        seen.append(any(thread.is_alive() for thread in threads))
        return [0.01] * times

    interleaved_bursts({"leaves a thread": leave, "looks": look}, seconds=0.1, rounds=9)
    for thread in threads:
        thread.join()
    assert sum(seen) <= 1  # what runs for too long is not waited for


def test_a_call_that_is_slower_than_the_budget_is_still_measured() -> None:
    measured = interleaved({"slow": lambda: time.sleep(0.2)}, seconds=0.05)
    assert len(measured["slow"].seconds) >= 1
    assert not measured["slow"].stable


def test_a_warm_up_that_settles_is_called_stable() -> None:
    assert interleaved_bursts({"even": lambda times: [0.01] * times}, seconds=1.0)["even"].stable


def test_it_ends_as_soon_as_there_is_enough() -> None:
    def enough(samples: Mapping[str, Sample]) -> bool:
        return len(samples["even"].rounds) == 3

    measured = interleaved_bursts({"even": lambda times: [0.01] * times}, seconds=60.0, enough=enough)
    assert len(measured["even"].rounds) == 3


def test_the_least_number_of_rounds_is_made_whatever_it_takes() -> None:
    slow = burst(lambda: time.sleep(0.05))
    measured = interleaved_bursts({"slow": slow}, seconds=0.01, rounds=1, least=3)
    assert len(measured["slow"].rounds) == 3
