"""What goes where: one JSON document or tables on standard output, all else on standard error.

Times of day, as a shell prints them.
"""

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

from tsexplorer.analysis.formatting import NONE

PIPED_WIDTH = 200
"""Columns (characters) of a table that no terminal limits."""

Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON document instead of a table.")
]
Column = str | tuple[str, str]


def print_json(document: Any) -> None:
    """Write the one document of a command; letters beyond ASCII only where they can be shown."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json_module.dumps(document, indent=2, ensure_ascii=not utf8, allow_nan=False))


def say(sentence: str) -> None:
    """Write one line on standard error, however long it is."""
    print(" ".join(sentence.split()), file=sys.stderr, flush=True)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[str] = (),
    notes: Iterable[str] = (),
) -> None:
    """Write a table, then some lines.

    Args:
        columns: headings.
        rows: cells as text; nothing in them is markup.
        numbers: headings of the columns that stand to the right.
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
    console = output()
    console.print(table)
    for note in notes:
        console.print(note, soft_wrap=not console.is_terminal)


class _Console(Console):
    """Nothing in what is printed is markup; a reader that has gone is heard of above."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def output() -> Console:
    """Standard output, as wide as the terminal; wide where there is none."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return _Console(width=PIPED_WIDTH if piped else None)


def messages() -> Console:
    """Standard error, for progress."""
    return _Console(stderr=True)


def moment(when: str | None) -> str:
    """A time, given in ISO 8601, on this machine's clock, to the minute."""
    if when is None:
        return NONE
    return datetime.fromisoformat(when).astimezone().strftime("%Y-%m-%d %H:%M")
