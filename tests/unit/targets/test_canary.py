import pytest

from mlship.errors import UsageError
from mlship.targets.canary import Canary


@pytest.mark.parametrize(("share", "replicas", "copies"), [(0, 5, 1), (10, 5, 1), (50, 5, 3), (100, 4, 4)])
def test_the_other_version_has_as_many_copies_as_its_share_needs(share: int, replicas: int, copies: int) -> None:
    assert Canary(canary=share, canary_image="iris:2").canary_replicas(replicas) == copies


def test_a_share_without_an_image_is_refused() -> None:
    with pytest.raises(UsageError, match="10 % of the requests go to another image"):
        Canary(canary=10)


@pytest.mark.parametrize("share", [-1, 101])
def test_a_share_is_in_per_cent(share: int) -> None:
    with pytest.raises(ValueError, match="canary"):
        Canary(canary=share, canary_image="iris:2")
