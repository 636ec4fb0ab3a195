"""A job's progress on standard error: bars on a terminal, otherwise lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tsexplorer.analysis.formatting import duration, percent, plural
from tsexplorer.cli.output import messages, say
from tsexplorer.services import ExperimentSnapshot, JobProgress, StageLink, StageSnapshot
from tsexplorer.services.foreground import JobView
from tsexplorer.training.events import Progress as StageProgress

LINE_SECONDS = 30.0
"""How often a line about a long stage is printed without a terminal."""


class Reporter(Protocol):
    """Shows the progress of a job."""

    def show(self, view: JobView) -> None:
        """Show the job's state; called about ten times a second."""

    def say(self, sentence: str) -> None:
        """Print one line."""


@contextmanager
def reporter(experiment: ExperimentSnapshot) -> Iterator[Reporter]:
    """Bars if standard error is a terminal, otherwise lines."""
    console = messages()
    if not console.is_terminal:
        yield Lines(experiment)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=console) as bars:
        yield Bars(bars, experiment)


class NoticePrinter:
    """Base of reporters: prints each notice of a job once."""

    def __init__(self) -> None:
        self._notices_printed = 0

    def say(self, sentence: str) -> None:
        """Print one line."""
        say(sentence)

    def print_notices(self, progress: JobProgress) -> None:
        """Print the notices that are new."""
        for sentence in progress.notices[self._notices_printed :]:
            self.say(sentence)
        self._notices_printed = len(progress.notices)


class _StageReporter(NoticePrinter):
    """Base of reporters that show one stage after the other."""

    def __init__(self, experiment: ExperimentSnapshot) -> None:
        super().__init__()
        self._reused = {link.stage.hash for link in experiment.stages if is_done(link.stage)}

    def _outcome(self, link: StageLink) -> str:
        """A stage's result on validation; hints have no accuracy."""
        stage = link.stage
        accuracy = f", validation {percent(stage.validation_accuracy)}"
        if link.role == "hint":
            accuracy = ""
        if stage.hash in self._reused:
            return f"trained before{accuracy}"
        return f"{plural(stage.epochs_done, 'epoch')} in {duration(stage.train_seconds)}{accuracy}"


class Lines(_StageReporter):
    """A line for each finished stage, and one every 30 seconds for a long one."""

    def __init__(self, experiment: ExperimentSnapshot) -> None:
        super().__init__(experiment)
        self._printed = 0
        self._printed_at = monotonic()

    def show(self, view: JobView) -> None:
        """Print what is new."""
        self.print_notices(view.progress)
        stages, done = view.experiment.stages, view.progress.stages_done
        for link in stages[self._printed : done]:
            self._print(view, link, self._outcome(link))
        self._printed = max(self._printed, done)
        if view.progress.progress and monotonic() - self._printed_at >= LINE_SECONDS:
            self._print(view, current(view), doing(view.progress.progress, view.status))

    def _print(self, view: JobView, link: StageLink, words: str) -> None:
        self._printed_at = monotonic()
        self.say(f"{view.experiment.part(link)}, seed {link.seed}: {words}")


class Bars(_StageReporter):
    """A bar for each stage of a seed, and one for all seeds if there are several."""

    def __init__(self, bars: Progress, experiment: ExperimentSnapshot) -> None:
        super().__init__(experiment)
        self._bars = bars
        first = experiment.spec.seeds[0]
        self._parts: dict[str, TaskID] = {
            part: bars.add_task(part, total=1.0, words="waiting")
            for part in (experiment.part(one) for one in experiment.stages if one.seed == first)
        }
        several = len(experiment.spec.seeds) > 1
        self._all = bars.add_task("all seeds", total=1.0, words="") if several else None

    def say(self, sentence: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(sentence, soft_wrap=True)

    def show(self, view: JobView) -> None:
        """Move the bars."""
        self.print_notices(view.progress)
        now, done = current(view), view.progress.stages_done
        for place, link in enumerate(view.experiment.stages):
            if link.seed == now.seed:
                share, words = self._stage(view, link, place - done)
                part = self._parts[view.experiment.part(link)]
                self._bars.update(part, completed=share, words=words)
        if self._all is not None:
            seeds = view.experiment.spec.seeds
            words = f"seed {now.seed}, {seeds.index(now.seed) + 1} of {len(seeds)}"
            share = done / len(view.experiment.stages)
            self._bars.update(self._all, completed=share, words=words)

    def _stage(self, view: JobView, link: StageLink, turn: int) -> tuple[float, str]:
        """A stage's share and description; ``turn`` counts from the running stage."""
        if turn < 0:
            return 1.0, self._outcome(link)
        progress = view.progress.progress
        if turn > 0 or progress is None:
            return 0.0, "waiting" if turn or not view.progress.stages else "starting"
        return progress.fraction, doing(progress, view.status)


def current(view: JobView) -> StageLink:
    """The running stage; the last one when all are done."""
    stages = view.experiment.stages
    return stages[min(view.progress.stages_done, len(stages) - 1)]


def doing(progress: StageProgress, status: str) -> str:
    """A running stage in words: epoch, loss, time left."""
    words = [f"epoch {progress.epoch} of {progress.epochs}"] if progress.epochs else []
    if progress.doing != "training":
        words.append(progress.doing)
    if progress.loss is not None:
        words.append(f"loss {progress.loss:.4f}")
    if status == "paused":
        words.append("paused")
    elif progress.seconds_left is not None:
        words.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(words)


def is_done(stage: StageSnapshot) -> bool:
    """Whether a stage is trained."""
    return stage.status == "done"
