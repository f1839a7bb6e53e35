"""Names of images, taken apart: the repository, the tag and the digest."""

import re
from dataclasses import dataclass

from mlship.errors import UsageError

# Host with a port or none, path, tag, digest: the grammar of github.com/distribution/reference.
_REFERENCE = re.compile(
    r"(?P<repository>(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Reference:
    """An image: ``repository`` with its host, ``tag`` ("latest" where none is given), and ``digest`` or ""."""

    repository: str
    tag: str
    digest: str = ""

    @property
    def registry(self) -> str:
        """Return the host in the name, or "": platforms would look for the image where all the world may write.

        Source: github.com/distribution/reference, in which a name without a host is one of Docker Hub.
        """
        host, slash, _ = self.repository.partition("/")
        return host if slash and ("." in host or ":" in host or host == "localhost") else ""


def parse(image: str) -> Reference:
    """Take the name of an image apart; raises UsageError for what is none."""
    found = _REFERENCE.fullmatch(image)
    if found is None:
        raise UsageError(f"'{image}' is not the name of an image", "--image registry.example/team/iris:1")
    return Reference(found["repository"], found["tag"] or "latest", found["digest"] or "")
