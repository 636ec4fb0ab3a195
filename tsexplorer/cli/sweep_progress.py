"""A sweep's progress on standard error: a map that fills on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tsexplorer.cli.output import messages, say
from tsexplorer.cli.progress import LINE_SECONDS, Reporter, View, doing
from tsexplorer.cli.sweep_results import cell_words, table
from tsexplorer.cli.words import percent
from tsexplorer.jobs.board import Standing
from tsexplorer.service import Service
from tsexplorer.sweeping import SweepFigures

LOOK_SECONDS = 1.0
"""How often the map is drawn anew."""


@contextmanager
def sweep_reporter(service: Service, sweep: str) -> Iterator[Reporter]:
    """A live map where standard error is a terminal, else lines."""
    console = messages()
    if not console.is_terminal:
        yield SweepLines(service, sweep)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield SweepMapView(service, sweep, live)


class _Teller:
    """What both reporters know: whom to ask, and which notices were told."""

    def __init__(self, service: Service, sweep: str) -> None:
        self._service, self._sweep = service, sweep
        self._notices = 0
        self._last = -LOOK_SECONDS

    def say(self, sentence: str) -> None:
        say(sentence)

    def _tell_notices(self, standing: Standing) -> None:
        for sentence in standing.notices[self._notices :]:
            self.say(sentence)
        self._notices = len(standing.notices)

    def _figures(self) -> SweepFigures:
        return self._service.sweeps.figures(self._sweep)


class SweepLines(_Teller):
    """A line now and then."""

    def __init__(self, service: Service, sweep: str) -> None:
        super().__init__(service, sweep)
        self._last = monotonic()

    def show(self, view: View) -> None:
        """Write what is new."""
        self._tell_notices(view.standing)
        if monotonic() - self._last >= LINE_SECONDS:
            self._last = monotonic()
            self.say(where(view, self._figures()))


class SweepMapView(_Teller):
    """The map as far as it is known, and how long it will take."""

    def __init__(self, service: Service, sweep: str, live: Live) -> None:
        super().__init__(service, sweep)
        self._live = live

    def say(self, sentence: str) -> None:
        """Write a line above the map."""
        self._live.console.print(sentence, soft_wrap=True)

    def show(self, view: View) -> None:
        """Draw the map anew, where that is due."""
        self._tell_notices(view.standing)
        over = view.standing.stages_done == view.standing.stages > 0
        if not over and monotonic() - self._last < LOOK_SECONDS:
            return
        self._last = monotonic()
        figures = self._figures()
        drawn = Text() if over else Group(_drawn(figures), Text(where(view, figures)))
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
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns, rows = table(figures)
    for heading in columns:
        drawn.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn
