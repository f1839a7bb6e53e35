"""The command line: a table of commands, each imported only when it is called."""

import difflib
import gc
import importlib
import os
import sys
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mlship import __version__

#: command -> the line that ``mlship --help`` shows; the command is ``command`` in the module of its name.
COMMANDS = {
    "ship": "Take a model file through every stage, to a checked container.",
    "demo": "Train a small model and ship it: see every stage at work.",
    "convert": "Convert a model to ONNX and prove that the answers are the same.",
    "optimize": "Make the converted model faster or smaller, if measuring shows it.",
    "scaffold": "Write a web service for the model; it is yours to change.",
    "serve": "Run the service in this terminal, until Ctrl-C.",
    "benchmark": "Measure the model and its service, and judge gates.",
    "report": "Write the page of the last benchmark again, or that of all that were saved.",
    "build": "Build an image of the service, start it and check its answers.",
    "deploy": "Write deployment files for a platform, check them, or start them here.",
    "verify": "Replay the golden set against an ONNX file or a running service.",
    "inspect": "Say what is in a model file, without executing any of it.",
    "status": "Show what the workspace holds, and what is out of date.",
    "init": "Write a mlship.toml to start from.",
    "plugins": "List the plugins of each stage, or show the options of one.",
    "doctor": "Check what this machine has for mlship.",
    "clean": "Delete the artifacts of this workspace.",
}


class LazyCommands(TyperGroup):
    """A group that knows its commands by name, and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command '{args[0]}'." + (f" Did you mean '{close[0]}'?" if close else ""))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mlship.cli.{cmd_name}")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        single.command(cmd_name, help=module.command.__doc__)(module.command)
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(cls=LazyCommands, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"mlship {__version__}")
        raise typer.Exit


@app.callback()
def mlship(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """From a trained model file to a checked, running service."""


def main() -> None:
    """Run the command line; a defect of mlship ends in one line too, unless MLSHIP_DEBUG is set."""
    if not os.environ.get("MLSHIP_DEBUG"):
        sys.excepthook = _one_line
    gc.set_threshold(10_000)  # what imports make is no garbage, and to look at it takes an eighth of their time
    typer.main.get_command(app)()


def _one_line(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    sys.stderr.write(f"error: mlship has a defect: {kind.__name__}: {error}\n")
    sys.stderr.write("  hint: please report it with the output of the same command under MLSHIP_DEBUG=1\n")
