"""A second version of the image that gets some of the requests."""

import math
from typing import Self

from pydantic import BaseModel, Field, model_validator

from mlship.errors import UsageError


class Canary(BaseModel):
    """The options of targets that send a share of the requests to another image."""

    canary: int = Field(0, ge=0, le=100, description="per cent of the requests that canary_image gets")
    canary_image: str | None = Field(None, description="the other version of the image, as registry.example/iris:2")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.canary and not self.canary_image:
            raise UsageError(f"{self.canary} % of the requests go to another image: to which?", "--canary-image NAME:2")
        return self

    def canary_replicas(self, replicas: int) -> int:
        """Return how many copies of the other version its share of the requests needs: at least one."""
        return max(1, math.ceil(replicas * self.canary / 100))
