"""A job's progress on standard error: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tsexplorer.analysis.formatting import duration, percent, plural
from tsexplorer.cli.output import messages, say
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.store import ExperimentSnapshot, StageLink, StageSnapshot
from tsexplorer.training.events import Progress as StageProgress

LINE_SECONDS = 30.0
"""How often a long stage is heard of where there is no terminal."""


@dataclass(frozen=True)
class View:
    """What there is to show of a job.

    Attributes:
        experiment: with the figures of the nets that are done.
        standing: where the job stands; its nets are trained in the experiment's order.
        status: queued, running or paused.
    """

    experiment: ExperimentSnapshot
    standing: JobProgress
    status: str


class Reporter(Protocol):
    """Shows how a job goes."""

    def show(self, view: View) -> None:
        """Take note of where the job stands; called ten times a second."""

    def say(self, sentence: str) -> None:
        """Write one line."""


@contextmanager
def reporter(experiment: ExperimentSnapshot) -> Iterator[Reporter]:
    """Bars where standard error is a terminal, else lines."""
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


class _Teller:
    """What both reporters know: which nets were trained before this job, and what was said."""

    def __init__(self, experiment: ExperimentSnapshot) -> None:
        self._reused = {link.stage.hash for link in experiment.stages if is_done(link.stage)}
        self._notices = 0

    def say(self, sentence: str) -> None:
        say(sentence)

    def _tell_notices(self, standing: JobProgress) -> None:
        for sentence in standing.notices[self._notices :]:
            self.say(sentence)
        self._notices = len(standing.notices)

    def _outcome(self, link: StageLink) -> str:
        """What came of a net, on the split that choices are made on; hints make no answers yet."""
        stage = link.stage
        accuracy = f", validation {percent(stage.validation_accuracy)}"
        if link.role == "hint":
            accuracy = ""
        if stage.hash in self._reused:
            return f"trained before{accuracy}"
        return f"{plural(stage.epochs_done, 'epoch')} in {duration(stage.train_seconds)}{accuracy}"


class Lines(_Teller):
    """A line for each net, and now and then one for a net that takes long."""

    def __init__(self, experiment: ExperimentSnapshot) -> None:
        super().__init__(experiment)
        self._told = 0
        self._last = monotonic()

    def show(self, view: View) -> None:
        """Write what is new."""
        self._tell_notices(view.standing)
        stages, done = view.experiment.stages, view.standing.stages_done
        for link in stages[self._told : done]:
            self._tell(view, link, self._outcome(link))
        self._told = max(self._told, done)
        if view.standing.progress and monotonic() - self._last >= LINE_SECONDS:
            self._tell(view, current(view), doing(view.standing.progress, view.status))

    def _tell(self, view: View, link: StageLink, words: str) -> None:
        self._last = monotonic()
        self.say(f"{view.experiment.part(link)}, seed {link.seed}: {words}")


class Bars(_Teller):
    """A bar for each part of a seed's work, and one for all seeds where there are several."""

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
        """Write a line above the bars."""
        self._bars.console.print(sentence, soft_wrap=True)

    def show(self, view: View) -> None:
        """Move the bars."""
        self._tell_notices(view.standing)
        now, done = current(view), view.standing.stages_done
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

    def _stage(self, view: View, link: StageLink, turn: int) -> tuple[float, str]:
        """How far a net is; ``turn`` counts from the one under way."""
        if turn < 0:
            return 1.0, self._outcome(link)
        progress = view.standing.progress
        if turn > 0 or progress is None:
            return 0.0, "waiting" if turn or not view.standing.stages else "starting"
        return progress.fraction, doing(progress, view.status)


def current(view: View) -> StageLink:
    """The net under way; the last one when all are done."""
    stages = view.experiment.stages
    return stages[min(view.standing.stages_done, len(stages) - 1)]


def doing(progress: StageProgress, status: str) -> str:
    """A net under way in words: epoch, loss, time left."""
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
    """Whether a net needs no more training."""
    return stage.status == "done"
