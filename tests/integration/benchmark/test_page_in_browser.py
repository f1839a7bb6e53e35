"""The pages in a real browser: drawn, quiet, within a phone's width, and on paper."""

import re
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mlship.reports import history, writing
from tests.unit.reports import samples

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
)

# Looks at the page from outside, in a frame as wide as a phone, and leaves what it saw as its own text.
FRAME = """<iframe id="page" src="report.html" width="360" height="800"></iframe><pre id="seen"></pre><script>
onload = () => {
  const inside = document.getElementById("page").contentDocument, root = inside.documentElement;
  const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer;
  const canvases = [...inside.querySelectorAll(".plot canvas")];
  const colours = canvases.map((canvas) => new Set(new Uint32Array(pixels(canvas))));
  const drawn = colours.filter((found) => found.size > 3).length;
  document.getElementById("seen").textContent =
    `width ${root.scrollWidth} plots ${inside.querySelectorAll(".plot").length} drawn ${drawn} ` +
    `ink ${getComputedStyle(inside.body).color}`;
};
</script>"""

# --c0 of the style sheet, as PDF sets the colour of a stroke
ORANGE_ON_PAPER, ORANGE_ON_DARK = b".7608 .3412 .0471 RG", b".9608 .5725 .2941 RG"

Browse = Callable[..., tuple[str, str]]


@pytest.fixture
def browse(browser: str, tmp_path: Path) -> Browse:
    """Return a function that opens a file, and returns what the browser prints and what the console said."""

    def run(file: Path, *flags: str) -> tuple[str, str]:
        command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, "\n".join(console)

    return run


def seen(browse: Browse, folder: Path, *flags: str) -> re.Match[str]:
    """Return the words of the frame around the report in ``folder``."""
    (folder / "frame.html").write_text(FRAME)
    printed, console = browse(folder / "frame.html", "--dump-dom", *flags)
    assert console == ""
    found = re.search(r"width (\d+) plots (\d+) drawn (\d+) ink (.*?)</pre>", printed)
    assert found, printed[-2_000:]
    return found


@pytest.mark.parametrize("name", ["full", "hostile", "long", "comparison"])
def test_every_plot_is_drawn_and_nothing_is_wider_than_a_phone(name: str, browse: Browse, tmp_path: Path) -> None:
    writing.write(samples.everything()[name], tmp_path)
    width, plots, drawn, _ = seen(browse, tmp_path).groups()
    assert int(width) <= 360
    assert int(plots) == int(drawn) > 0


def test_a_dark_screen_has_light_ink(browse: Browse, tmp_path: Path) -> None:
    writing.write(samples.full(), tmp_path)
    inks = [seen(browse, tmp_path, f"--blink-settings=preferredColorScheme={scheme}")[4] for scheme in (0, 1)]
    assert inks == ["rgb(236, 235, 232)", "rgb(28, 27, 26)"]


def strokes(browse: Browse, folder: Path, *flags: str) -> bytes:
    """Print the report in ``folder`` and return the drawing instructions of all its pages."""
    printed = folder / "report.pdf"
    _, console = browse(folder / "report.html", f"--print-to-pdf={printed}", *flags)
    assert console == ""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", printed.read_bytes(), re.DOTALL)
    # a stream whose last byte is a carriage return looks one byte shorter: that byte is of its checksum
    return b"".join(zlib.decompressobj().decompress(stream) for stream in streams if stream.startswith(b"x"))


def test_on_paper_the_plots_are_there_in_the_colours_of_paper(browse: Browse, tmp_path: Path) -> None:
    writing.write(samples.full(), tmp_path)
    drawn = strokes(browse, tmp_path, "--blink-settings=preferredColorScheme=0")
    page = tmp_path / "report.html"
    page.write_text(re.sub("<script>.*?</script>", "", page.read_text("utf-8"), flags=re.DOTALL), "utf-8")
    without = strokes(browse, tmp_path)
    lines = [len(re.findall(rb"[\d.-]+ [\d.-]+ l\n", each)) for each in (drawn, without)]
    assert lines[0] > lines[1] + 500
    assert ORANGE_ON_PAPER in drawn
    assert ORANGE_ON_DARK not in drawn


def test_the_history_is_drawn_without_a_word_on_the_console(browse: Browse, tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    for revision in ("v1", "v2"):
        history.append(samples.full(), file, revision=revision, saved="2026-11-23")
    writing.write_history(history.read(file), tmp_path).rename(tmp_path / "report.html")
    _, plots, drawn, _ = seen(browse, tmp_path).groups()
    assert int(plots) == int(drawn) > 5
