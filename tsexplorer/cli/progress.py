"""The progress of a job on standard error: bars on a terminal, otherwise lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tsexplorer.analysis.formatting import duration, percent, plural
from tsexplorer.cli.output import error_console, print_message
from tsexplorer.services import ExperimentSnapshot, JobProgress, StageLink, StageSnapshot
from tsexplorer.services.foreground import JobView
from tsexplorer.training.events import Progress as StageProgress

LINE_SECONDS = 30.0
"""Interval between lines about a long stage if standard error is not a terminal."""


class Reporter(Protocol):
    """Shows the progress of a job."""

    def show(self, view: JobView) -> None:
        """Show the job's state; called about ten times a second."""

    def print_message(self, sentence: str) -> None:
        """Print one line."""


@contextmanager
def experiment_reporter(experiment: ExperimentSnapshot) -> Iterator[Reporter]:
    """Show the progress of an experiment: bars on a terminal, otherwise lines."""
    console = error_console()
    if not console.is_terminal:
        yield Lines(experiment)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}", markup=False),
    )
    with Progress(*columns, console=console) as bars:
        yield Bars(bars, experiment)


class NoticePrinter:
    """Base of reporters: prints each notice of a job once."""

    def __init__(self) -> None:
        self._notices_printed = 0

    def print_message(self, sentence: str) -> None:
        """Print one line."""
        print_message(sentence)

    def print_notices(self, progress: JobProgress) -> None:
        """Print the notices that are new."""
        for sentence in progress.notices[self._notices_printed :]:
            self.print_message(sentence)
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
    """A line for each finished stage, and one every 30 seconds for a long stage."""

    def __init__(self, experiment: ExperimentSnapshot) -> None:
        super().__init__(experiment)
        self._stages_printed = 0
        self._printed_at = monotonic()

    def show(self, view: JobView) -> None:
        """Print a line for each stage that has finished, and for a long stage if it is due."""
        self.print_notices(view.progress)
        stages, done = view.experiment.stages, view.progress.stages_done
        for link in stages[self._stages_printed : done]:
            self._print(view, link, self._outcome(link))
        self._stages_printed = max(self._stages_printed, done)
        if view.progress.progress and monotonic() - self._printed_at >= LINE_SECONDS:
            text = describe_progress(view.progress.progress, view.status)
            self._print(view, current_stage(view), text)

    def _print(self, view: JobView, link: StageLink, text: str) -> None:
        self._printed_at = monotonic()
        self.print_message(f"{view.experiment.part(link)}, seed {link.seed}: {text}")


class Bars(_StageReporter):
    """A bar for each stage of a seed, and a bar for all seeds if there are several."""

    def __init__(self, bars: Progress, experiment: ExperimentSnapshot) -> None:
        super().__init__(experiment)
        self._bars = bars
        first = experiment.spec.seeds[0]
        parts = (experiment.part(link) for link in experiment.stages if link.seed == first)
        self._stage_bars: dict[str, TaskID] = {
            part: bars.add_task(part, total=1.0, text="waiting") for part in parts
        }
        several = len(experiment.spec.seeds) > 1
        self._seeds_bar = bars.add_task("all seeds", total=1.0, text="") if several else None

    def print_message(self, sentence: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(sentence, soft_wrap=True)

    def show(self, view: JobView) -> None:
        """Move the bars."""
        self.print_notices(view.progress)
        current, done = current_stage(view), view.progress.stages_done
        for index, link in enumerate(view.experiment.stages):
            if link.seed == current.seed:
                fraction, text = self._state(view, link, index - done)
                bar = self._stage_bars[view.experiment.part(link)]
                self._bars.update(bar, completed=fraction, text=text)
        if self._seeds_bar is not None:
            seeds = view.experiment.spec.seeds
            text = f"seed {current.seed}, {seeds.index(current.seed) + 1} of {len(seeds)}"
            fraction = done / len(view.experiment.stages)
            self._bars.update(self._seeds_bar, completed=fraction, text=text)

    def _state(self, view: JobView, link: StageLink, distance: int) -> tuple[float, str]:
        """A stage's finished share and description.

        Args:
            view: the job.
            link: the stage.
            distance: number of stages from the running one to this one; negative: it is done.
        """
        if distance < 0:
            return 1.0, self._outcome(link)
        progress = view.progress.progress
        if distance > 0 or progress is None:
            return 0.0, "waiting" if distance or not view.progress.stages else "starting"
        return progress.fraction, describe_progress(progress, view.status)


def current_stage(view: JobView) -> StageLink:
    """The running stage, or the last one if all are done."""
    stages = view.experiment.stages
    return stages[min(view.progress.stages_done, len(stages) - 1)]


def describe_progress(progress: StageProgress, status: str) -> str:
    """A running stage as text: epoch, activity, loss, time left."""
    parts = [f"epoch {progress.epoch} of {progress.epochs}"] if progress.epochs else []
    if progress.doing != "training":
        parts.append(progress.doing)
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4f}")
    if status == "paused":
        parts.append("paused")
    elif progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(parts)


def is_done(stage: StageSnapshot) -> bool:
    """Whether a stage is trained."""
    return stage.status == "done"
