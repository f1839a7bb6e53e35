"""The screen: answers on standard output, talk on standard error, one JSON document with --json."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.status import Status
from rich.text import Text

from mlship.errors import MlshipError
from mlship.pipeline import Done


@dataclass(frozen=True)
class Answer:
    """What a command ends with: ``data`` for --json, ``text`` for people, ``brief`` for --quiet.

    ``text`` is printed as it is, never read as markup; where it is ``headed``, its first line is bold.
    """

    data: Any
    text: str = ""
    brief: str | None = None
    headed: bool = False


class Screen:
    """Where a command talks; also the listener of the pipeline.

    ``verbosity``: -1 quiet, 0 usual, 1 every step.
    """

    def __init__(self, *, as_json: bool, verbosity: int) -> None:
        self._json, self._verbosity = as_json, verbosity
        self._talk = Console(stderr=True, highlight=False, soft_wrap=True, color_system=_colours())
        self._status: Status | None = None
        self._stage = ""

    def say(self, text: str) -> None:
        """Tell the user something."""
        self._say(_safe(text))

    def note(self, text: str) -> None:
        """Tell the user something that matters."""
        self._say(f"[yellow]note:[/] {_safe(text)}")

    def started(self, stage: str, reason: str) -> None:
        """Say that a stage begins."""
        self._stage = stage
        if not self._talk.is_terminal or self._verbosity > 0:
            self._say(f"[bold]{stage}[/]: {_safe(reason)}")
        if self._talk.is_terminal and self._verbosity >= 0:
            self._status = self._talk.status(f"[bold]{stage}[/]")
            self._status.start()

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Say what a stage is doing: beside the spinner on a terminal, as lines with -v."""
        share = "" if fraction is None else f" {fraction:.0%}"
        if self._status:
            self._status.update(f"[bold]{self._stage}[/] {_safe(message)}{share}")
        elif self._verbosity > 0:
            self._say(f"  {_safe(message)}{share}")

    def finished(self, done: Done) -> None:
        """Say what came of a stage."""
        self.stop()
        record = done.record
        if done.skipped:
            self._say(f"[dim]= {record.stage:<10}[/] skipped, {done.reason}: {_safe(record.summary)}")
            return
        self._say(f"[green]+[/] {record.stage:<10} {_safe(record.summary)} [dim]({record.seconds:.1f} s)[/]")
        for note in record.notes:
            self.note(note)

    def answer(self, answer: Answer) -> None:
        """Print the answer of the command."""
        self.stop()
        if self._json:
            sys.stdout.write(json.dumps(answer.data, indent=2, ensure_ascii=False, default=str) + "\n")
        elif self._verbosity < 0 and answer.brief is not None:
            sys.stdout.write(answer.brief + "\n" if answer.brief else "")
        elif answer.text:
            heading, newline, rest = answer.text.partition("\n") if answer.headed else ("", "", answer.text)
            text = Text.assemble((heading, "bold"), newline, rest)
            Console(highlight=False, soft_wrap=True, color_system=_colours()).print(text)

    def error(self, error: MlshipError) -> None:
        """Print an error: what happened, and one command or edit that helps."""
        self.stop()
        self._talk.print(f"[bold red]error:[/] {_safe(error.message)}")
        if error.hint:
            self._talk.print(f"  [bold]hint:[/] {_safe(error.hint)}")
        if self._json:
            body = {
                "type": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
                "exit_code": error.exit_code,
            }
            sys.stdout.write(json.dumps({"error": body}, indent=2, ensure_ascii=False) + "\n")

    def stop(self) -> None:
        """End the spinner."""
        if self._status:
            self._status.stop()
            self._status = None

    def _say(self, text: str) -> None:
        if self._verbosity >= 0:
            self._talk.print(text)


def _colours() -> Literal["auto"] | None:
    """Return None where the user wants no control codes at all (no-color.org); bold is one too."""
    return None if os.environ.get("NO_COLOR") else "auto"


def _safe(text: str) -> str:
    return text.replace("[", "\\[")
