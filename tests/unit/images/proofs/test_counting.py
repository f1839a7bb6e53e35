import pytest

from mlship.images.proofs.counting import charged, ends, resident


def test_memory_is_counted_without_file_cache_on_cgroup_v1() -> None:
    assert resident({"memory_stats": {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}}}) == 70


def test_memory_is_counted_without_file_cache_on_cgroup_v2() -> None:
    assert resident({"memory_stats": {"usage": 100, "stats": {"inactive_file": 30}}}) == 70


def test_what_is_held_against_the_limit_is_the_highest_so_far_on_cgroup_v1() -> None:
    assert charged({"memory_stats": {"usage": 100, "max_usage": 140, "stats": {"total_inactive_file": 30}}}) == 140


def test_what_is_held_against_the_limit_is_that_of_the_moment_on_cgroup_v2() -> None:
    assert charged({"memory_stats": {"usage": 100, "stats": {"inactive_file": 30}}}) == 100


def test_an_engine_that_counts_no_memory_gives_zero() -> None:
    assert resident({"memory_stats": {}}) == charged({"memory_stats": {}}) == charged({}) == 0


@pytest.mark.parametrize(
    ("parents", "serving"),
    [
        ({7: 1}, {7}),
        ({7: 1, 8: 7, 9: 7}, {8, 9}),
        ({7: 1, 8: 7, 9: 8}, {9}),
        ({7: 1, 12: 3}, {7}),
        ({7: 1, 8: 7, 12: 3, 13: 12}, {8}),
        ({}, set()),
    ],
    ids=["alone", "two workers", "a worker of a worker", "beside a health check", "beside one of two", "ended"],
)
def test_the_ends_of_the_tree_are_what_serves(parents: dict[int, int], serving: set[int]) -> None:
    assert ends(parents, 7) == serving


def test_an_engine_that_numbers_processes_as_the_container_does_is_understood() -> None:
    assert ends({1: 0, 5: 1, 6: 1}, 48211) == {5, 6}
