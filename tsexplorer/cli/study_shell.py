"""What a kind of study defines for the command line, and the live table of studies of many nets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from time import monotonic
from typing import Any, ClassVar, Generic, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tsexplorer.cli.output import error_console
from tsexplorer.cli.progress import LINE_SECONDS, NoticePrinter, Reporter
from tsexplorer.plugins import discover
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.services.foreground import JobView

R = TypeVar("R")
TABLE_SECONDS = 1.0
"""Interval at which the table of a running study is drawn again."""
TextTable = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Headings and rows."""


class StudyShell(ABC, Generic[R]):
    """Output of one kind of study with results R.

    Attributes:
        name: name of the kind.
        verb: beginning of the message when a job starts, before the study's name.
    """

    name: ClassVar[str]
    verb: ClassVar[str]

    @abstractmethod
    def document(self, service: Service, study_id: str) -> Any:
        """The JSON document of a finished study."""

    @abstractmethod
    def show(self, service: Service, study_id: str) -> None:
        """Print the results of a finished study as a table."""

    @abstractmethod
    def reporter(
        self, service: Service, experiment: ExperimentSnapshot
    ) -> AbstractContextManager[Reporter]:
        """Show the progress of a job on standard error."""


class ManyNetsShell(StudyShell[R]):
    """Output of a kind of study that trains many nets: a table that is filled row by row."""

    @abstractmethod
    def table(self, results: R) -> TextTable:
        """The table of a running study."""

    @abstractmethod
    def progress(self, view: JobView, results: R) -> str:
        """The progress of a running study, in one line."""

    @contextmanager
    def reporter(self, service: Service, experiment: ExperimentSnapshot) -> Iterator[Reporter]:
        """A live table if standard error is a terminal, otherwise lines."""
        console = error_console()

        def read_results() -> R:
            results: R = service.studies.results(experiment.id)
            return results

        if not console.is_terminal:
            yield _ProgressLines(self, read_results)
            return
        with Live(console=console, auto_refresh=False) as live:
            yield _LiveTable(self, read_results, live)


@cache
def study_shells() -> dict[str, StudyShell[Any]]:
    """The output of each kind of study, by name."""
    return discover("tsexplorer.cli.studies", "SHELL", StudyShell)  # type: ignore[type-abstract]


class _ProgressLines(NoticePrinter, Generic[R]):
    """A line every 30 seconds."""

    def __init__(self, shell: ManyNetsShell[R], read_results: Callable[[], R]) -> None:
        super().__init__()
        self._shell, self._read_results = shell, read_results
        self._printed_at = monotonic()

    def show(self, view: JobView) -> None:
        """Print new notices, and a line if it is due."""
        self.print_notices(view.progress)
        if monotonic() - self._printed_at >= LINE_SECONDS:
            self._printed_at = monotonic()
            self.print_message(self._shell.progress(view, self._read_results()))


class _LiveTable(NoticePrinter, Generic[R]):
    """A table of the current results with a line of progress below it."""

    def __init__(self, shell: ManyNetsShell[R], read_results: Callable[[], R], live: Live) -> None:
        super().__init__()
        self._shell, self._read_results, self._live = shell, read_results, live
        self._drawn_at = -TABLE_SECONDS

    def print_message(self, sentence: str) -> None:
        """Print a line above the table."""
        self._live.console.print(sentence, soft_wrap=True)

    def show(self, view: JobView) -> None:
        """Draw the table again if it is due."""
        self.print_notices(view.progress)
        finished = view.progress.stages_done == view.progress.stages > 0
        if not finished and monotonic() - self._drawn_at < TABLE_SECONDS:
            return
        self._drawn_at = monotonic()
        if finished:  # the results follow on standard output
            self._live.update(Text(), refresh=True)
            return
        results = self._read_results()
        line = Text(self._shell.progress(view, results))
        self._live.update(Group(_rich_table(*self._shell.table(results)), line), refresh=True)


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
