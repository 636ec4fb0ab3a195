"""The frame around every command: how it ends, in one line and one exit code."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tsexplorer import __version__
from tsexplorer.cli.output import say
from tsexplorer.errors import UserError

FAILED = 1
BAD_ARGUMENT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE

APP, TRAIN, LOOK_UP, QUEUE = "App", "Train", "Look up", "Jobs and experiments"
PANELS = (APP, TRAIN, LOOK_UP, QUEUE)


class Ending(Exception):  # noqa: N818 - Ctrl-C is no error
    """A command ends early: one sentence for standard error, and an exit code."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


class Shell(TyperGroup):
    """All commands; whatever goes wrong in one is said in one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of their panels."""
        return sorted(super().list_commands(ctx), key=self._place)

    def _place(self, name: str) -> int:
        panel = getattr(self.commands[name], "rich_help_panel", None)
        return PANELS.index(panel) if panel in PANELS else len(PANELS)

    def main(self, args: Any = None, *, standalone_mode: bool = True, **options: Any) -> Any:  # type: ignore[override]
        """Run a command and leave with its exit code."""
        _write_what_can_be_written()
        try:
            code = super().main(args, standalone_mode=False, **options)
        except typer.TyperException as error:
            say(_with_hint(error))
            code = error.exit_code
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: Any) -> None:
        """Run a command; turn what it raises for people into sentences."""
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except UserError as error:
            say(str(error))
            raise typer.Exit(BAD_ARGUMENT) from error
        except Ending as ending:
            say(str(ending))
            raise typer.Exit(ending.code) from ending
        except BrokenPipeError as error:
            _hush()
            raise typer.Exit(BROKEN_PIPE) from error


app = typer.Typer(
    cls=Shell,
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
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """See, train and tune knowledge distillation.

    Every command except app takes --json and then prints one JSON document on standard output;
    progress and messages go to standard error. Exit codes: 0 success, 1 a failed job, 2 a bad
    argument, 130 Ctrl-C. What is trained is kept in TSEXPLORER_HOME (default: .tsexplorer), which
    the app shows as well. Where the calling shell ignores Ctrl-C, as for a job started with & in a
    script, Ctrl-C is ignored here too; stop the job with cancel ID.
    """
    if version:
        print(__version__)
    elif ctx.invoked_subcommand is None:
        print(ctx.get_help())


def _with_hint(error: typer.TyperException) -> str:
    """What Typer has to say about the arguments, and where to read more."""
    context = getattr(error, "ctx", None)
    hint = f" See {context.command_path} --help." if context is not None else ""
    message = error.format_message()
    return f"{message}{'' if message.endswith(('.', '?')) else '.'}{hint}"


def _write_what_can_be_written() -> None:
    """A terminal that has no λ shows a question mark rather than a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _hush() -> None:
    """The reader has gone: nothing more is written, not even when the interpreter flushes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
