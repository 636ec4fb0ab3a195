"""A sweep's progress on standard error: a map that fills on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Generic, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tsexplorer.analysis.formatting import percent
from tsexplorer.cli.output import messages, say
from tsexplorer.cli.progress import LINE_SECONDS, Reporter, View, doing
from tsexplorer.cli.sweep_results import cell_words, table
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.service import Service
from tsexplorer.services.sweep_results import SweepFigures

Figures = TypeVar("Figures")
LOOK_SECONDS = 1.0
"""How often the map is drawn anew."""


@contextmanager
def sweep_reporter(service: Service, sweep: str) -> Iterator[Reporter]:
    """A live map where standard error is a terminal, else lines."""
    with many_reporter(lambda: service.sweeps.figures(sweep), where, _drawn) as shown:
        yield shown


@contextmanager
def many_reporter(
    ask: Callable[[], Figures],
    words: Callable[[View, Figures], str],
    drawn: Callable[[Figures], Table],
) -> Iterator[Reporter]:
    """A live table of many nets where standard error is a terminal, else lines.

    Args:
        ask: gives their figures as they stand.
        words: says in a line where they stand.
        drawn: makes a table of them.
    """
    console = messages()
    if not console.is_terminal:
        yield ManyLines(ask, words)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield ManyTable(ask, words, drawn, live)


class _Teller(Generic[Figures]):
    """What both reporters know: what to ask, and which notices were told."""

    def __init__(self, ask: Callable[[], Figures], words: Callable[[View, Figures], str]) -> None:
        """Tell of many nets.

        Args:
            ask: gives their figures as they stand.
            words: says in a line where they stand.
        """
        self._ask, self._words = ask, words
        self._notices = 0
        self._last = -LOOK_SECONDS

    def say(self, sentence: str) -> None:
        say(sentence)

    def _tell_notices(self, standing: JobProgress) -> None:
        for sentence in standing.notices[self._notices :]:
            self.say(sentence)
        self._notices = len(standing.notices)


class ManyLines(_Teller[Figures]):
    """A line now and then."""

    def __init__(self, ask: Callable[[], Figures], words: Callable[[View, Figures], str]) -> None:
        super().__init__(ask, words)
        self._last = monotonic()

    def show(self, view: View) -> None:
        """Write what is new."""
        self._tell_notices(view.standing)
        if monotonic() - self._last >= LINE_SECONDS:
            self._last = monotonic()
            self.say(self._words(view, self._ask()))


class ManyTable(_Teller[Figures]):
    """A table as far as it is known, and a line below."""

    def __init__(
        self,
        ask: Callable[[], Figures],
        words: Callable[[View, Figures], str],
        drawn: Callable[[Figures], Table],
        live: Live,
    ) -> None:
        super().__init__(ask, words)
        self._drawn, self._live = drawn, live

    def say(self, sentence: str) -> None:
        """Write a line above the table."""
        self._live.console.print(sentence, soft_wrap=True)

    def show(self, view: View) -> None:
        """Draw the table anew, where that is due."""
        self._tell_notices(view.standing)
        over = view.standing.stages_done == view.standing.stages > 0
        if not over and monotonic() - self._last < LOOK_SECONDS:
            return
        self._last = monotonic()
        figures = self._ask()
        drawn = Text() if over else Group(self._drawn(figures), Text(self._words(view, figures)))
        self._live.update(drawn, refresh=True)  # the result stands on standard output


def where(view: View, figures: SweepFigures) -> str:
    """A sweep under way in words: nets, the best cell so far, time left."""
    standing, best = view.standing, figures.map.best
    words = [f"{figures.sweep.nets_done} of {figures.sweep.nets} nets"]
    progress, sweep = standing.progress, figures.sweep.spec
    if best is not None:
        accuracy = next(one.accuracy for one in figures.map.cells if one.cell == best)
        words.append(f"best so far {cell_words(best, sweep)}, validation {percent(accuracy.mean)}")
    if progress is not None:
        teacher = progress.stage in {stage.hash for stage in sweep.before}
        words.append(("the teacher: " if teacher else "") + doing(progress, view.status))
    return ", ".join(words)


def _drawn(figures: SweepFigures) -> Table:
    return plain_table(*table(figures))


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of numbers, as Rich draws it."""
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in columns:
        drawn.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn
