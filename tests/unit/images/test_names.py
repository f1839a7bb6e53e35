import pytest

from mlship.errors import UsageError
from mlship.images.names import check_base, check_tag, default_tag, split


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("iris", "iris:latest"),
        ("iris:1", "iris:1"),
        ("localhost:5000/team/iris", "localhost:5000/team/iris:latest"),
        ("registry.example/a__b/c-d.e:V1.0_x", "registry.example/a__b/c-d.e:V1.0_x"),
        ("[::1]:5000/iris:1", "[::1]:5000/iris:1"),
    ],
)
def test_a_valid_tag_is_taken_and_gets_a_version(tag: str, full: str) -> None:
    assert check_tag(tag) == full


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "Iris:1",
        "iris:",
        "iris:-1",
        "iris:a b",
        "-iris",
        "iris//x",
        "iris:1:2",
        "a" * 256,
        "iris:" + "1" * 129,
        "iris\n",
    ],
)
def test_a_tag_that_no_registry_takes_is_refused(tag: str) -> None:
    with pytest.raises(UsageError, match="is not a name for an image"):
        check_tag(tag)


def test_an_image_cannot_be_named_by_a_digest() -> None:
    with pytest.raises(UsageError):
        check_tag("iris@sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("tag", "near"),
    [
        ("Bad Tag", "bad-tag:1"),
        ("My Model:1", "my-model:1"),
        ("Iris", "iris:1"),
        ("x/Y:v 2", "x/y:v-2"),
        ("模型", "model:1"),
        ("iris:-1", "iris:1"),
    ],
)
def test_the_hint_is_the_nearest_tag_that_is_valid(tag: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_tag(tag)
    assert caught.value.hint == f"-t {near}"
    assert check_tag(near) == near


def test_a_base_can_be_named_by_a_digest() -> None:
    base = "python:3.12-slim@sha256:" + "a" * 64
    assert check_base(base) == base


def test_a_base_cannot_bring_instructions_into_the_dockerfile() -> None:
    with pytest.raises(UsageError, match="not the name of a base image"):
        check_base("python:3.12\nRUN true")


def test_a_tag_is_split_into_title_and_version() -> None:
    assert split("localhost:5000/team/iris:1") == ("iris", "1")
    assert split("localhost:5000/team/iris") == ("iris", "")


@pytest.mark.parametrize("model", ["RandomForestClassifier", "My Model!", "模型", ""])
def test_a_name_that_is_made_up_is_valid(model: str) -> None:
    tag = default_tag(model, "ab" * 32)
    assert check_tag(tag) == tag
    assert tag.endswith(":abababababab")
