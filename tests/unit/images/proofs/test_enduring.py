from dataclasses import replace

from mlship.images.proofs.enduring import Endured
from mlship.images.proofs.strain import Strain

STRAIN = Strain(requests=16, rows=10_000, size=220_000, answered=16, refused=0, failed=0)
ENDURED = Endured("512m", STRAIN, 100_000_000, oom_killed=False, restarted=False, exit_code=0)


def test_who_endured_all_needs_no_note() -> None:
    assert ENDURED.notes() == ()


def test_who_needed_more_memory_is_told_how_much_was_not_enough() -> None:
    [note] = replace(ENDURED, oom_killed=True, exit_code=137).notes()
    assert "512m were not enough for several of 10,000 rows at once" in note


def test_who_had_to_be_killed_is_told() -> None:
    [note] = replace(ENDURED, exit_code=137).notes()
    assert "did not end within 10 s of SIGTERM" in note


def test_the_facts_tell_what_became_of_the_requests() -> None:
    assert ENDURED.to_json() == {
        "peak_bytes": 100_000_000,
        "at_the_limit": {
            "requests": 16,
            "rows": 10_000,
            "size": 220_000,
            "answered": 16,
            "refused": 0,
            "failed": 0,
            "memory_limit": "512m",
            "oom_killed": False,
            "restarted": False,
        },
        "exit_code": 0,
    }


def test_the_facts_tell_nothing_of_requests_that_were_not_sent() -> None:
    assert replace(ENDURED, strain=None).to_json()["at_the_limit"] is None
