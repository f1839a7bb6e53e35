"""Prints sizes and build times of images, and what a new model pushes: ``python -m benchmarks.images [figure ...]``."""

import argparse
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker import DockerClient

from benchmarks.images import sizes, tables, workspaces
from benchmarks.images.building import BUILDERS, STATES, Builder, Site, State, Times
from benchmarks.images.registry import Counter, NoRegistryError, registry
from benchmarks.images.workspaces import FailedError, Pair
from benchmarks.serving import environments
from mlship.errors import EngineMissingError
from mlship.images.engine import connect
from mlship.measure import fingerprint

_FIGURES = ("sizes", "times", "pushes")


def main() -> int:
    """Measure what is asked for and print it; return 1 where a build failed, 2 where something is missing."""
    asked = _arguments()
    try:
        client = connect()
    except EngineMissingError as error:
        print(f"{error.message}: {error.hint}", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory() as folder:
            _print_machine(asked.base)
            _run(asked, client, Path(folder))
    except (FailedError, NoRegistryError) as error:
        print(f"FAILED: {error}")
        return 1
    finally:
        client.close()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="figure", help=f"of {', '.join(_FIGURES)}; all by default")
    base = os.environ.get("MLSHIP_TEST_BASE", "mlship-test-base:bookworm")
    parser.add_argument("--base", default=base, help=f"image of the engine to build on ({base})")
    parser.add_argument("--rounds", type=int, default=3, help="how often each build is timed (3)")
    parser.add_argument("--frameworks", nargs="+", default=["fastapi", "asgi"], help="the first of them is timed")
    asked = parser.parse_args()
    if unknown := set(asked.figures) - {*_FIGURES}:
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    asked.figures = asked.figures or [*_FIGURES]
    return asked


def _run(asked: argparse.Namespace, client: DockerClient, folder: Path) -> None:
    pairs = {framework: workspaces.make(folder / framework, framework) for framework in asked.frameworks}
    with _site(client, asked.base, folder) as site:
        if "times" in asked.figures:
            tables.times(_times(site, pairs[asked.frameworks[0]], asked.rounds))
        if {"sizes", "pushes"} & {*asked.figures}:
            with registry(folder) as counter, _in_registry(site, counter) as pushing:
                _pushes(pushing, pairs, counter)
    if "sizes" in asked.figures:
        tables.environments(sizes.site_packages(environments.cache()))


@contextmanager
def _site(client: DockerClient, base: str, folder: Path) -> Iterator[Site]:
    """Give both builders the same base without a registry, and leave no image of theirs on the engine."""
    archive = folder / "base.tar"
    with archive.open("wb") as file:
        for chunk in client.images.get(base).save(named=True):
            file.write(chunk)
    site = Site(client, {"docker": base, "oci": str(archive)}, folder / "caches")
    try:
        yield site
    finally:
        for builder in BUILDERS:
            site.forget(builder)


def _times(site: Site, pair: Pair, rounds: int) -> dict[tuple[Builder, State], list[Times]]:
    taken: dict[tuple[Builder, State], list[Times]] = defaultdict(list)
    for _ in range(rounds):
        for state in STATES:
            for builder in random.sample(BUILDERS, len(BUILDERS)):
                taken[builder, state].append(site.measure(pair, builder, state))
    return taken


@contextmanager
def _in_registry(site: Site, counter: Counter) -> Iterator[Site]:
    """Push the base to the registry, as bases are in one, and have both builders take it from there."""
    base = site.client.images.get(site.bases["docker"])
    repository = f"{counter.host}/base"
    base.tag(repository, "1")
    try:
        for line in site.client.images.push(repository, "1", stream=True, decode=True):
            if "error" in line:
                raise FailedError(f"docker push {repository}:1: {line['error']}")
        yield Site(site.client, {"docker": f"{repository}:1", "oci": f"{repository}:1"}, site.caches)
    finally:
        site.client.images.remove(f"{repository}:1")


def _pushes(site: Site, pairs: dict[str, Pair], counter: Counter) -> None:
    base_layers = len(site.client.images.get(site.bases["docker"]).attrs["RootFS"]["Layers"])
    found: list[tuple[str, Builder, int, int]] = []
    print(f"\n{'over base':<18}{'unpacked':<28}{'compressed':<28}layers, MB")
    for framework, pair in pairs.items():
        for builder in BUILDERS:
            repository = f"{framework}/{builder}"
            first = _push(site, pair.first, builder, counter, f"{repository}:first")
            later = _push(site, pair.later, builder, counter, f"{repository}:later")
            for tag in ("first", "later"):  # not before: the engine's second build takes steps of the first
                site.client.images.remove(f"{counter.host}/{repository}:{tag}", force=True)
            tables.sizes(framework, builder, sizes.over_base(counter, repository, "first", base_layers))
            found.append((framework, builder, first, later))
    print(f"\n{'pushed':<18}{'first':>11}{'another model':>15}")
    for each in found:
        tables.pushed(*each)


def _push(site: Site, folder: Path, builder: Builder, counter: Counter, name: str) -> int:
    """Build and push; return the bytes that went to the registry."""
    before = counter.sent
    site.build(folder, builder, f"{counter.host}/{name}", "--push")
    return counter.sent - before


def _print_machine(base: str) -> None:
    machine = fingerprint()
    print(f"{machine['cpu_model']}, {machine['cores']} cores, {machine['system']} {machine['kernel']}, "
          f"Python {machine['python']}; base {base}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
