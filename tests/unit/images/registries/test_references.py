import pytest

from mlship.errors import UsageError
from mlship.images.registries import references

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("name", "registry", "repository", "version"),
    [
        ("python", "docker.io", "library/python", "latest"),
        ("python:3.12-slim", "docker.io", "library/python", "3.12-slim"),
        ("bitnami/python:3.12", "docker.io", "bitnami/python", "3.12"),
        ("docker.io/python:3.12", "docker.io", "library/python", "3.12"),
        ("index.docker.io/library/python", "docker.io", "library/python", "latest"),
        ("gcr.io/distroless/python3:nonroot", "gcr.io", "distroless/python3", "nonroot"),
        ("Registry.Example:5000/iris", "registry.example:5000", "iris", "latest"),
        ("Registry/iris:1", "registry", "iris", "1"),
        ("localhost/iris:1", "localhost", "iris", "1"),
        ("registry:5000/iris:1", "registry:5000", "iris", "1"),
        ("[::1]:5000/iris:1", "[::1]:5000", "iris", "1"),
        (f"python:3.12@{DIGEST}", "docker.io", "library/python", DIGEST),
    ],
)
def test_a_name_is_filled_in_as_docker_does(name: str, registry: str, repository: str, version: str) -> None:
    assert references.parse(name) == references.Reference(registry, repository, version)


def test_dockers_own_registry_answers_at_another_host() -> None:
    assert references.parse("python").host == "registry-1.docker.io"


@pytest.mark.parametrize(
    ("name", "is_local"),
    [
        ("localhost:5000/a", True),
        ("127.0.0.1:5000/a", True),
        ("[::1]:5000/a", True),
        ("localhost.example.org/a", False),
        ("127.example.org/a", False),
        ("registry:5000/a", False),
        ("a", False),
    ],
)
def test_only_this_machine_needs_no_tls(name: str, is_local: bool) -> None:
    assert references.parse(name).is_local is is_local


def test_what_cannot_be_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="'Not A Name'"):
        references.parse("Not A Name")


@pytest.mark.parametrize(
    "url", ["https://Registry.Example/v2/", "HTTPS://registry.example:443/", "https://ann@registry.example?a=b"]
)
def test_an_origin_is_the_same_however_it_is_spelt(url: str) -> None:
    assert references.origin(url) == references.origin("https://registry.example")


@pytest.mark.parametrize(
    "url", ["http://registry.example/v2/", "https://registry.example:5000/", "https://registry.example.org/", "/v2/"]
)
def test_another_scheme_port_or_host_is_another_origin(url: str) -> None:
    assert references.origin(url) != references.origin("https://registry.example")


@pytest.mark.parametrize("name", ["docker.io/library/python:3.12", f"localhost:5000/a/b@{DIGEST}"])
def test_a_reference_is_written_out_in_full(name: str) -> None:
    assert str(references.parse(name)) == name
