"""Output of commands: a JSON document or tables on standard output, messages on standard error."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tsexplorer.analysis.formatting import NO_VALUE

PIPED_WIDTH = 200
"""Width of a table in characters if standard output is not a terminal."""

Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON document instead of a table.")
]


def print_json(document: Any) -> None:
    """Print the JSON document of a command; non-ASCII characters only if the output is UTF-8."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json_module.dumps(document, indent=2, ensure_ascii=not utf8, allow_nan=False))


def print_message(sentence: str) -> None:
    """Print one line on standard error, without wrapping."""
    print(" ".join(sentence.split()), file=sys.stderr, flush=True)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[str] = (),
    notes: Iterable[str] = (),
) -> None:
    """Print a table and lines below it.

    Args:
        columns: headings.
        rows: cells as text; they are not interpreted as markup.
        numbers: headings of the columns that are aligned to the right.
        notes: lines below the table.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    right = set(numbers)
    for heading in columns:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            no_wrap=heading in right,
        )
    for row in rows:
        table.add_row(*row)
    console = _output_console()
    console.print(table)
    for note in notes:
        console.print(note, soft_wrap=not console.is_terminal)


class _PlainConsole(Console):
    """A console without markup; it raises BrokenPipeError instead of exiting."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _output_console() -> Console:
    """Standard output, as wide as the terminal, or PIPED_WIDTH without a terminal."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return _PlainConsole(width=PIPED_WIDTH if piped else None)


def error_console() -> Console:
    """Standard error, for progress."""
    return _PlainConsole(stderr=True)


def local_time(time: str | None) -> str:
    """An ISO 8601 time in the time zone of this machine, to the minute."""
    if time is None:
        return NO_VALUE
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
