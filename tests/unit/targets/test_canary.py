import pytest

from mlship.errors import UsageError
from mlship.targets.canary import Canary

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(("share", "replicas", "copies"), [(0, 5, 1), (10, 5, 1), (50, 5, 3), (100, 4, 4)])
def test_the_other_version_has_as_many_copies_as_its_share_needs(share: int, replicas: int, copies: int) -> None:
    assert Canary(canary=share, canary_image="iris:2").canary_replicas(replicas) == copies


def test_a_share_without_an_image_is_refused() -> None:
    with pytest.raises(UsageError, match="10 % of the requests go to another image"):
        Canary(canary=10)


@pytest.mark.parametrize(
    ("image", "other"),
    [
        ("registry.example/iris:2", "registry.example/iris:2"),
        ("iris", "iris:latest"),
        (f"iris:2@{DIGEST}", "iris:2"),
        (f"iris:1@{DIGEST}", f"iris:2@{DIGEST}"),
    ],
)
def test_the_other_version_is_not_the_one_that_all_others_get(image: str, other: str) -> None:
    with pytest.raises(UsageError, match="is the image that the other requests get, too") as raised:
        Canary(canary=10, canary_image=other).refuse_same(image)
    assert str(raised.value.hint).startswith("--image NAME:1")


@pytest.mark.parametrize(
    ("image", "other"),
    [
        ("iris:1", "iris:2"),
        ("team/iris:1", "other/iris:1"),
        (f"iris@{DIGEST}", "iris@sha256:" + "b" * 64),
        ("iris:1", None),
    ],
)
def test_another_version_is_taken(image: str, other: str | None) -> None:
    Canary(canary_image=other).refuse_same(image)


def test_the_other_version_has_the_name_of_an_image() -> None:
    with pytest.raises(UsageError, match="'Iris 2' is not the name of an image"):
        Canary(canary_image="Iris 2").refuse_same("iris:1")


@pytest.mark.parametrize("share", [-1, 101])
def test_a_share_is_in_per_cent(share: int) -> None:
    with pytest.raises(ValueError, match="canary"):
        Canary(canary=share, canary_image="iris:2")
