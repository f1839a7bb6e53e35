"""Settings of the service, read from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BESIDE_APP = Path(__file__).resolve().parent.parent / "model"


@dataclass(frozen=True)
class Settings:
    """What can be set without touching the code.

    ``model_dir`` (MODEL_DIR) is the model folder. ``max_body_bytes`` (MAX_BODY_BYTES) and ``max_rows`` (MAX_ROWS) limit
    one request. ``access_log`` (ACCESS_LOG=1) writes a line a request.
    """

    model_dir: Path = BESIDE_APP
    max_body_bytes: int = 16 * 1024 * 1024
    max_rows: int = 10_000
    access_log: bool = False


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises ValueError for a limit that is not a positive whole number."""
    return Settings(
        model_dir=Path(environment.get("MODEL_DIR") or Settings.model_dir),
        max_body_bytes=_positive(environment, "MAX_BODY_BYTES", Settings.max_body_bytes),
        max_rows=_positive(environment, "MAX_ROWS", Settings.max_rows),
        access_log=environment.get("ACCESS_LOG", "0").lower() in {"1", "true", "yes", "on"},
    )


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name}={text!r} is not a positive whole number")
    return int(text)
