"""Settings of the service, read from environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

BESIDE_APP = Path(__file__).resolve().parent.parent / "model"


@dataclass(frozen=True)
class Settings:
    """What can be set without touching the code; each field is read from the variable of its name in upper case.

    The model: ``model_dir`` is its folder; ``model_name`` and ``model_version`` are what the Open Inference Protocol
    calls it ("": as signature.json, in one word, and the first digits of the model's sha256).

    Limits: of one request, ``max_body_bytes`` and ``max_rows``; of requests that one run answers, ``batch_rows``.
    ``body_timeout``: seconds that a body may take to arrive. ``max_concurrency``: requests that are answered or wait at
    a time. ``rate_limit``: requests a second of each API key, or else of each address (0: any number).
    ``check_ranges`` refuses values outside what the training sample showed.

    Access: ``api_keys`` (comma-separated in API_KEYS, or one a line in the file API_KEYS_FILE) are asked for where any
    are given; ``cors_origins`` (comma-separated, or *) may ask from a browser.

    Watching: ``access_log`` is the share of answers that are logged; errors are logged as soon as it is above 0.
    ``shared_dir`` is where the workers of one service count together.

    Server: ``busy_poll``: microseconds that a worker looks for the next request before it sleeps, where a lone client
    asks again as soon (0: it sleeps at once). For ``drain_seconds`` after SIGTERM it is not ready, and answers on.
    ``grpc_port`` (0: no gRPC). ``fast_path``: where requests for the service's own paths are answered: by the
    "protocol", if they are plain, else before the framework sees them; "asgi", always there; "", within the framework,
    as its outermost middleware.
    """

    model_dir: Path = BESIDE_APP
    model_name: str = ""
    model_version: str = ""
    max_body_bytes: int = 16 * 1024 * 1024
    max_rows: int = 10_000
    batch_rows: int = 256
    body_timeout: float = 30.0
    max_concurrency: int = 1_000
    rate_limit: float = 0.0
    check_ranges: bool = False
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    cors_origins: tuple[str, ...] = ()
    access_log: float = 0.0
    shared_dir: Path | None = None
    busy_poll: float = 200.0
    drain_seconds: float = 0.0
    grpc_port: int = 0
    fast_path: Literal["protocol", "asgi", ""] = "protocol"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises ValueError for a value that cannot be meant, OSError for a file that is not there."""
    given = Given(environment)
    default = Settings
    return Settings(
        model_dir=Path(given.text("MODEL_DIR") or default.model_dir),
        model_name=given.name("MODEL_NAME"),
        model_version=given.name("MODEL_VERSION"),
        max_body_bytes=given.positive("MAX_BODY_BYTES", default.max_body_bytes),
        max_rows=given.positive("MAX_ROWS", default.max_rows),
        batch_rows=given.positive("BATCH_ROWS", default.batch_rows),
        body_timeout=given.number("BODY_TIMEOUT", default.body_timeout),
        max_concurrency=given.positive("MAX_CONCURRENCY", default.max_concurrency),
        rate_limit=given.number("RATE_LIMIT", default.rate_limit),
        check_ranges=given.share("CHECK_RANGES", 0.0) > 0,
        api_keys=_keys(given),
        cors_origins=given.several("CORS_ORIGINS"),
        access_log=given.share("ACCESS_LOG", default.access_log),
        shared_dir=Path(given.text("SHARED_DIR")) if given.text("SHARED_DIR") else None,
        busy_poll=given.number("BUSY_POLL", default.busy_poll),
        drain_seconds=given.number("DRAIN_SECONDS", default.drain_seconds),
        grpc_port=given.port("GRPC_PORT"),
        fast_path=given.fast_path(),
    )


class Given:
    """Environment variables by type; each error names the variable."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def several(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def name(self, name: str) -> str:
        text = self.text(name)
        if text and not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
            raise ValueError(f"{name}={text!r} is not made of letters, digits, '.', '_' and '-'")
        return text

    def fast_path(self) -> Literal["protocol", "asgi", ""]:
        match self.text("FAST_PATH").lower():
            case "" | "1":
                return "protocol"
            case "asgi":
                return "asgi"
            case "0":
                return ""
            case text:
                raise ValueError(f"FAST_PATH={text!r} is none of 1, asgi and 0")

    def positive(self, name: str, default: int) -> int:
        text = self.text(name) or str(default)
        if not (text.isascii() and text.isdecimal() and len(text) < 19) or int(text) < 1:
            raise ValueError(f"{name}={text!r} is not a positive whole number")
        return int(text)

    def port(self, name: str) -> int:
        text = self.text(name) or "0"
        if not (text.isascii() and text.isdecimal()) or not 0 <= int(text) <= 65535:
            raise ValueError(f"{name}={text!r} is not a port")
        return int(text)

    def number(self, name: str, default: float) -> float:
        text = self.text(name) or str(default)
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
            raise ValueError(f"{name}={text!r} is not a number of 0 or more")
        return float(text)

    def share(self, name: str, default: float) -> float:
        words = {"1": 1.0, "true": 1.0, "yes": 1.0, "on": 1.0, "0": 0.0, "false": 0.0, "no": 0.0, "off": 0.0}
        text = self.text(name).lower()
        if text in words:
            return words[text]
        share = self.number(name, default)
        if share > 1:
            raise ValueError(f"{name}={text!r} is neither on, off nor a share between 0 and 1")
        return share


def _keys(given: Given) -> tuple[str, ...]:
    keys = list(given.several("API_KEYS"))
    if given.text("API_KEYS") and not keys:
        raise ValueError("API_KEYS holds no key")
    if file := given.text("API_KEYS_FILE"):
        lines = Path(file).read_text("utf-8").splitlines()
        keys += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not keys:
            raise ValueError(f"API_KEYS_FILE={file!r} holds no key")
    return tuple(keys)
