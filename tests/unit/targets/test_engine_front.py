"""What is a change of a gateway's configuration, and what is none."""

from mlship.targets.engine.front import digest

FILES = {"nginx.conf": b"# for 'iris:1'\nworker_processes auto;\n"}


def test_a_comment_is_no_change() -> None:
    assert digest({"nginx.conf": b"    # for 'iris:2'\nworker_processes auto;\n"}) == digest(FILES)


def test_a_line_is_a_change() -> None:
    assert digest({"nginx.conf": b"# for 'iris:1'\nworker_processes 2;\n"}) != digest(FILES)


def test_the_same_lines_in_a_file_of_another_name_are_a_change() -> None:
    assert digest({"envoy.yaml": FILES["nginx.conf"]}) != digest(FILES)
