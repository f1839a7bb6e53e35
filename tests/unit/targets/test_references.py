import pytest

from mlship.errors import UsageError
from mlship.targets.references import Reference, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("iris", Reference("iris", "latest")),
        ("iris:1", Reference("iris", "1")),
        ("team/iris:1.2-rc", Reference("team/iris", "1.2-rc")),
        ("localhost:5000/iris", Reference("localhost:5000/iris", "latest")),
        ("registry.example:5000/team/my__iris:V1", Reference("registry.example:5000/team/my__iris", "V1")),
        (f"registry.example/iris@{DIGEST}", Reference("registry.example/iris", "latest", DIGEST)),
        (f"registry.example/iris:1@{DIGEST}", Reference("registry.example/iris", "1", DIGEST)),
    ],
)
def test_a_name_is_taken_apart(image: str, reference: Reference) -> None:
    assert parse(image) == reference


@pytest.mark.parametrize("image", ["", "Iris", "iris:", "iris:1 ", "iris\nkind: Pod", "a//b", "iris@sha256:12", ":1"])
def test_what_is_no_name_of_an_image_is_refused(image: str) -> None:
    with pytest.raises(UsageError, match="is not the name of an image"):
        parse(image)
