"""Run ``mlship demo`` on a terminal and draw what it shows as docs/demo.svg."""

import os
import pty
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PAGE = Path(__file__).parent.parent / "docs" / "demo.svg"
WIDTH = 118


def main() -> None:
    """Record a run with the arguments given ("demo", say) and draw its last state."""
    command = [str(Path(sys.executable).with_name("mlship")), *sys.argv[1:]]
    chunks: list[bytes] = []

    def read(descriptor: int) -> bytes:
        chunks.append(os.read(descriptor, 65536))
        return chunks[-1]

    os.environ.update(COLUMNS=str(WIDTH), TERM="xterm-256color")
    os.chdir(tempfile.mkdtemp())
    pty.spawn(command, read)
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text.from_ansi(f"\x1b[1m$ mlship {' '.join(sys.argv[1:])}\x1b[0m"))
    console.print(Text.from_ansi(settled(b"".join(chunks).decode())))
    drawing = console.export_svg(title="mlship")
    PAGE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL), "utf-8")


def settled(output: str) -> str:
    """Keep of each line what stands there in the end: spinners draw over themselves."""
    output = re.sub(r"\x1b\[\?25[lh]|\x1b\[\d*[AK]|\x1b\[2K", "\x00", output)
    lines = [re.split("[\r\x00]", line.strip("\r\x00"))[-1] for line in output.split("\n")]
    return "\n".join(line for line in lines if not re.match(r"\x1b\[\d+m?[⠀-⣿]|[⠀-⣿]", line)).strip()


if __name__ == "__main__":
    main()
