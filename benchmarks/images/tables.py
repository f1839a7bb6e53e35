"""Prints sizes, times and bytes that were pushed, beside their goals."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.images.building import BUILDERS, STATES, Builder, State, Times
from benchmarks.images.sizes import Layer

Taken = Mapping[tuple[Builder, State], Sequence[Times]]

#: Bytes over the base, unpacked and compressed; the most of the engine's time that the other builder may take.
UNPACKED, COMPRESSED, SHARE = 120_000_000, 45_000_000, 1 / 3
_STATES = {"cold": "nothing cached", "wheels": "warm wheels", "model": "another model"}


def sizes(framework: str, builder: Builder, layers: Sequence[Layer]) -> None:
    """Print what an image adds to its base, and its layers from the lowest up."""
    packed, plain = sum(layer.compressed for layer in layers), sum(layer.unpacked for layer in layers)
    parts = " + ".join(f"{layer.compressed / 1e6:.2f}" for layer in layers)
    print(
        f"{framework:<10}{builder:<8}{_size(plain, UNPACKED):<28}{_size(packed, COMPRESSED):<28}({parts})", flush=True
    )


def environments(found: Mapping[str, int]) -> None:
    """Print what is installed for others: their site-packages."""
    print("\nsite-packages, MB, as installed for benchmarks.serving, with scikit-learn where a peer needs it")
    for name, size in sorted(found.items(), key=lambda item: item[1]):
        print(f"  {name:<24}{size / 1e6:>6.0f}")


def times(taken: Taken) -> None:
    """Print medians with the lowest and highest, and the ratios of runs that took turns."""
    print(f"\n{'seconds until there is an image':<34}" + "".join(f"{_STATES[state]:<40}" for state in STATES))
    for builder in BUILDERS:
        cells = [_range([each.image for each in taken[builder, state]], ".1f") for state in STATES]
        print(f"  {builder:<32}" + "".join(f"{cell:<40}" for cell in cells).rstrip())
    print(f"{'oci / docker':<34}" + "".join(f"{_ratio(taken, state):<40}" for state in STATES).rstrip())
    print("and until it has been started and checked")
    for builder in BUILDERS:
        cells = [_range([each.proof for each in taken[builder, state]], ".1f") for state in STATES]
        print(f"  {builder:<32}" + "".join(f"{cell:<40}" for cell in cells).rstrip())


def ratios(taken: Taken, state: State) -> list[float]:
    """Return what the oci builder took of the engine's time, round by round."""
    pairs = zip(taken["oci", state], taken["docker", state], strict=True)
    return [oci.image / docker.image for oci, docker in pairs]


def pushed(framework: str, builder: Builder, first: int, later: int) -> None:
    """Print the bytes of the first push of an image, and of the push after the model has changed."""
    print(f"{framework:<10}{builder:<8}{first / 1e6:>8.2f} MB{later / 1e3:>12.1f} kB", flush=True)


def _ratio(taken: Taken, state: State) -> str:
    found = ratios(taken, state)
    told = _range(found, ".2f")
    if state == "cold":
        return told
    return f"{told} <= {SHARE:.2f}{'' if statistics.median(found) <= SHARE else ' MISSED'}"


def _size(size: int, most: int) -> str:
    return f"{size / 1e6:.1f} MB <= {most / 1e6:.0f}{'' if size <= most else ' MISSED'}"


def _range(values: Sequence[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
