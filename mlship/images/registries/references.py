"""References: which registry, repository and version the name of an image stands for."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from mlship.images.names import check_base

#: How Docker calls its own registry in names, and where that answers.
_DOCKER_HUB, _DOCKER_HUB_HOST = "docker.io", "registry-1.docker.io"


@dataclass(frozen=True)
class Reference:
    """Where an image is: ``registry`` as users write it, ``version`` a tag or a digest ("sha256:...")."""

    registry: str
    repository: str
    version: str

    @property
    def host(self) -> str:
        """Return the host that answers, with its port where it has one."""
        return _DOCKER_HUB_HOST if self.registry == _DOCKER_HUB else self.registry

    @property
    def place(self) -> str:
        """Return registry and repository, without the version."""
        return f"{self.registry}/{self.repository}"

    @property
    def is_local(self) -> bool:
        """Say whether the registry is on this machine, where it needs no TLS."""
        host = urlsplit(f"//{self.host}").hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def __str__(self) -> str:
        between = "@" if self.version.startswith("sha256:") else ":"
        return f"{self.registry}/{self.repository}{between}{self.version}"


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address, however it is spelt (RFC 6454): in small letters, the port named."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def parse(name: str) -> Reference:
    """Return what ``name`` stands for, filled in as Docker does it: python is docker.io/library/python:latest.

    Raises UsageError when it cannot be the name of an image.
    """
    path, _, digest = check_base(name).partition("@")
    first, slash, rest = path.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    registry, path = (first.lower(), rest) if is_host else (_DOCKER_HUB, path)
    repository, _, tag = path.partition(":")
    if registry == "index.docker.io":
        registry = _DOCKER_HUB
    if registry == _DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry, repository, digest or tag or "latest")
