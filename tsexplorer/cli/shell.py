"""The Typer app: exit codes, one-line messages for errors, and the service that a command uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tsexplorer import __version__
from tsexplorer.cli.output import print_message
from tsexplorer.errors import UserError
from tsexplorer.settings import get_settings

if TYPE_CHECKING:
    from tsexplorer.services import Service

FAILED = 1
BAD_ARGUMENT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE

APP, TRAIN, DATA = "App", "Train", "Own images"
LOOK_UP, QUEUE = "Look up", "Jobs and experiments"
PANELS = (APP, TRAIN, DATA, LOOK_UP, QUEUE)


class CommandExit(Exception):  # noqa: N818 - Ctrl-C is not an error
    """A command ends early, with one sentence on standard error and an exit code."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


class CommandGroup(TyperGroup):
    """All commands; errors are printed as one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of their panels."""
        return sorted(super().list_commands(ctx), key=self._panel_index)

    def _panel_index(self, name: str) -> int:
        panel = getattr(self.commands[name], "rich_help_panel", None)
        return PANELS.index(panel) if panel in PANELS else len(PANELS)

    def main(self, args: Any = None, *, standalone_mode: bool = True, **options: Any) -> Any:  # type: ignore[override]
        """Run a command and exit with its code."""
        _replace_unencodable_characters()
        try:
            code = super().main(args, standalone_mode=False, **options)
        except typer.TyperException as error:
            print_message(_with_hint(error))
            code = error.exit_code
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: Any) -> None:
        """Run a command; print errors for users as sentences."""
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except UserError as error:
            print_message(str(error))
            raise typer.Exit(BAD_ARGUMENT) from error
        except CommandExit as end:
            print_message(str(end))
            raise typer.Exit(end.code) from end
        except BrokenPipeError as error:
            _discard_output()
            raise typer.Exit(BROKEN_PIPE) from error


app = typer.Typer(
    cls=CommandGroup,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def about(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """See, train and tune knowledge distillation.

    Every command except app takes --json and then prints one JSON document on standard output;
    progress and messages go to standard error. Exit codes: 0 success, 1 a failed job, 2 a bad
    argument, 130 Ctrl-C. Trained nets are stored in TSEXPLORER_HOME (default: .tsexplorer); the
    app shows them too. Where the calling shell ignores Ctrl-C, as for a job started with & in a
    script, Ctrl-C is ignored here too; stop the job with cancel ID.
    """
    if version:
        print(__version__)
    elif ctx.invoked_subcommand is None:
        print(ctx.get_help())


@contextmanager
def open_service() -> Iterator[Service]:
    """The service of one command; it is closed at the end.

    Raises:
        UserError: a setting is invalid, or the store cannot be opened.
    """
    from tsexplorer.services import Service

    service = Service(get_settings())
    try:
        yield service
    finally:
        service.close()


def _with_hint(error: typer.TyperException) -> str:
    """Typer's message about the arguments, with a reference to the help of the command."""
    context = getattr(error, "ctx", None)
    hint = f" See {context.command_path} --help." if context is not None else ""
    message = error.format_message()
    return f"{message}{'' if message.endswith(('.', '?')) else '.'}{hint}"


def _replace_unencodable_characters() -> None:
    """Print "?" instead of a traceback for characters that the terminal's encoding lacks."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _discard_output() -> None:
    """Send all further output to the null device, also what Python flushes at its exit."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null_device, stream.fileno())
    os.close(null_device)
