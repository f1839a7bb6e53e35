"""Credentials of registries, as Docker keeps them: DOCKER_CONFIG, ~/.docker/config.json, and their helpers."""

import base64
import warnings
from dataclasses import dataclass

import docker.auth
from docker.errors import DockerException

from mlship.errors import BuildError


@dataclass(frozen=True)
class Credentials:
    """Who somebody is to a registry."""

    user: str
    password: str

    @property
    def basic(self) -> str:
        """Return them as HTTP's basic authentication writes them (RFC 7617)."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find(registry: str) -> Credentials | None:
    """Return what docker login left for ``registry``, or None.

    Raises BuildError when a helper fails, or what it has is a token that only Docker itself can trade.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a helper is not installed: the error says so too
            found = docker.auth.load_config().resolve_authconfig(registry) or {}
    except (DockerException, OSError, ValueError, KeyError) as error:
        message = f"Docker's configuration does not give the password for '{registry}': {error}"
        raise BuildError(message, f"docker login {registry}; config.json tells which helper keeps passwords") from error
    if found.get("IdentityToken"):
        message = f"Docker keeps an identity token for '{registry}', which mlship cannot use"
        raise BuildError(message, f"log in with a password or an access token: docker login {registry}")
    user, password = (found.get(key) or found.get(key.title()) for key in ("username", "password"))
    return Credentials(str(user), str(password)) if user and password else None
