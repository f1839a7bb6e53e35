from mlship.images.proof import resident


def test_memory_is_counted_without_file_cache_on_cgroup_v1() -> None:
    assert resident({"memory_stats": {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}}}) == 70


def test_memory_is_counted_without_file_cache_on_cgroup_v2() -> None:
    assert resident({"memory_stats": {"usage": 100, "stats": {"inactive_file": 30}}}) == 70


def test_an_engine_that_counts_no_memory_gives_zero() -> None:
    assert resident({"memory_stats": {}}) == 0
