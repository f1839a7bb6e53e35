"""How long ``mlship --help`` takes, as a multiple of importing what it is made of (typer and rich)."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mlship.measure import interleaved, ratio

GOAL = 1.5


def main() -> None:
    """Print the ratio of medians with its 95 % interval."""
    commands = {
        "mlship --help": [str(Path(sys.executable).with_name("mlship")), "--help"],
        "import typer, rich": [sys.executable, "-c", "import typer, rich"],
    }
    samples = interleaved({name: runner(command) for name, command in commands.items()}, seconds=20.0)
    for name, sample in samples.items():
        print(f"{name:<20} {sample.median * 1000:6.0f} ms (median of {len(sample.seconds)})")
    found = ratio(*samples.values())
    print(f"ratio {found.estimate:.2f} (95 % interval {found.low:.2f} to {found.high:.2f}; goal {GOAL})")


def runner(command: list[str]) -> Callable[[], object]:
    """Return a call that runs ``command`` and throws its output away."""
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
