"""A second version of the image that gets some of the requests."""

import math
from typing import Self

from pydantic import BaseModel, Field, model_validator

from mlship.errors import UsageError
from mlship.targets import references


class Canary(BaseModel):
    """The options of targets that send a share of the requests to another image."""

    canary: int = Field(0, ge=0, le=100, description="per cent of the requests that canary_image gets")
    canary_image: str | None = Field(None, description="the other version of the image, as registry.example/iris:2")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.canary and not self.canary_image:
            raise UsageError(f"{self.canary} % of the requests go to another image: to which?", "--canary-image NAME:2")
        return self

    def refuse_same(self, image: str) -> None:
        """Raise UsageError where the other version is ``image``, which the rest of the requests get, or no image.

        Where no image is named it is the one built last, and all of production would have it.
        """
        if self.canary_image is None:
            return
        stable, other = references.parse(image), references.parse(self.canary_image)
        is_same = stable.digest == other.digest if stable.digest and other.digest else stable.tag == other.tag
        if is_same and stable.repository == other.repository:
            message = f"'{self.canary_image}' is the image that the other requests get, too: '{image}'"
            raise UsageError(message, "--image NAME:1 names the version that stays")

    def canary_replicas(self, replicas: int) -> int:
        """Return how many copies of the other version its share of the requests needs: at least one."""
        return max(1, math.ceil(replicas * self.canary / 100))
