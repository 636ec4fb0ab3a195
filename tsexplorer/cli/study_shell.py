"""What the shell needs from a kind of study, and how a study is seen through to its end."""

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

from tsexplorer.cli.output import messages, print_json, say
from tsexplorer.cli.progress import LINE_SECONDS, NoticePrinter, Reporter
from tsexplorer.cli.run_job import CtrlC, see_through
from tsexplorer.plugins import discover
from tsexplorer.services import ExperimentSnapshot, JobSnapshot, Service
from tsexplorer.services.foreground import JobView

R = TypeVar("R")
TABLE_SECONDS = 1.0
"""How often the table of a running study is drawn again."""
TextTable = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Headings and rows."""


class StudyShell(ABC, Generic[R]):
    """How the shell shows studies of one kind with results R.

    Attributes:
        name: of the kind.
        verb: what the shell says when a job begins, before the study's name.
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
        """Shows the progress of a job on standard error."""


class ManyNetsShell(StudyShell[R]):
    """How the shell shows studies of many nets: one table that fills."""

    @abstractmethod
    def table(self, results: R) -> TextTable:
        """The table of a running study."""

    @abstractmethod
    def progress(self, view: JobView, results: R) -> str:
        """The progress of a running study, in one line."""

    @contextmanager
    def reporter(self, service: Service, experiment: ExperimentSnapshot) -> Iterator[Reporter]:
        """A live table if standard error is a terminal, otherwise lines."""
        console = messages()

        def read() -> R:
            results: R = service.studies.results(experiment.id)
            return results

        if not console.is_terminal:
            yield _ProgressLines(self, read)
            return
        with Live(console=console, auto_refresh=False) as live:
            yield _LiveTable(self, read, live)


@cache
def study_shells() -> dict[str, StudyShell[Any]]:
    """How the shell shows each kind of study, by name."""
    return discover("tsexplorer.cli.studies", "SHELL", StudyShell)  # type: ignore[type-abstract]


def see_study_through(service: Service, enqueue: Callable[[], JobSnapshot], *, json: bool) -> None:
    """Queue a study, train it to its end in the foreground, and print its results.

    Args:
        service: of the store.
        enqueue: queues the job.
        json: whether to print one JSON document instead of a table.

    Raises:
        UserError: it could not be queued.
        Ending: it was not trained to its end; says why, and how to continue.
    """
    experiment = train_in_foreground(service, enqueue)
    shell = study_shells()[experiment.kind]
    if json:
        print_json(shell.document(service, experiment.id))
    else:
        shell.show(service, experiment.id)


def train_in_foreground(service: Service, enqueue: Callable[[], JobSnapshot]) -> ExperimentSnapshot:
    """Queue a study and train it to its end; returns it as it is then.

    Raises:
        UserError: it could not be queued.
        Ending: it was not trained to its end.
    """
    with CtrlC() as interrupt:
        job = enqueue()
        experiment = service.subject(job)
        shell = study_shells()[experiment.kind]
        say(f'{shell.verb} "{experiment.name}" as job {job.id}.')
        with shell.reporter(service, experiment) as reporter:
            see_through(service, job, reporter, interrupt)
    return service.subject(job)


class _ProgressLines(NoticePrinter, Generic[R]):
    """A line every 30 seconds."""

    def __init__(self, shell: ManyNetsShell[R], read: Callable[[], R]) -> None:
        super().__init__()
        self._shell, self._read = shell, read
        self._printed_at = monotonic()

    def show(self, view: JobView) -> None:
        """Print new notices, and a line if one is due."""
        self.print_notices(view.progress)
        if monotonic() - self._printed_at >= LINE_SECONDS:
            self._printed_at = monotonic()
            self.say(self._shell.progress(view, self._read()))


class _LiveTable(NoticePrinter, Generic[R]):
    """A table of the results so far with a line of progress below it."""

    def __init__(self, shell: ManyNetsShell[R], read: Callable[[], R], live: Live) -> None:
        super().__init__()
        self._shell, self._read, self._live = shell, read, live
        self._drawn_at = -TABLE_SECONDS

    def say(self, sentence: str) -> None:
        """Print a line above the table."""
        self._live.console.print(sentence, soft_wrap=True)

    def show(self, view: JobView) -> None:
        """Draw the table again if that is due."""
        self.print_notices(view.progress)
        finished = view.progress.stages_done == view.progress.stages > 0
        if not finished and monotonic() - self._drawn_at < TABLE_SECONDS:
            return
        self._drawn_at = monotonic()
        if finished:  # the results follow on standard output
            self._live.update(Text(), refresh=True)
            return
        results = self._read()
        line = Text(self._shell.progress(view, results))
        self._live.update(Group(_rich_table(*self._shell.table(results)), line), refresh=True)


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
