"""Progress of an experiment on standard error: lines and bars."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from tests.cli.conftest import SpecFile
from tsexplorer.cli import progress
from tsexplorer.cli.progress import Bars, Lines, current_stage, describe_progress
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.foreground import JobView
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, parse_spec
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.training.events import Progress as StageProgress

RUNNING = StageProgress(
    "0" * 16,
    doing="training",
    epoch=3,
    epochs=20,
    fraction=0.125,
    seconds=10.0,
    seconds_left=70.0,
    loss=0.25,
)


@pytest.fixture
def experiment(service: Service, spec_file: SpecFile) -> ExperimentSnapshot:
    """An experiment of two seeds without trained nets."""
    spec = parse_spec(ExperimentSpec, Path(spec_file(seeds=[4, 7])).read_text())
    service.enqueue(spec)
    return service.experiment(spec.name)


def with_trained(experiment: ExperimentSnapshot, done: int) -> ExperimentSnapshot:
    """The experiment with its first stages trained."""
    figures = {"status": "done", "epochs_done": 2, "train_seconds": 65.0}
    links = tuple(
        replace(link, stage=replace(link.stage, validation_accuracy=0.9, **figures))
        if index < done
        else link
        for index, link in enumerate(experiment.stages)
    )
    return replace(experiment, stages=links)


def test_progress_as_text() -> None:
    assert describe_progress(RUNNING, "running") == "epoch 3 of 20, loss 0.2500, 1 min 10 s left"
    assert describe_progress(RUNNING, "paused") == "epoch 3 of 20, loss 0.2500, paused"
    without_estimate = replace(RUNNING, doing="teacher outputs", loss=None, seconds_left=None)
    assert describe_progress(without_estimate, "running") == "epoch 3 of 20, teacher outputs"


def test_current_stage_is_the_first_that_is_not_done(experiment: ExperimentSnapshot) -> None:
    def at(done: int) -> tuple[int, str]:
        link = current_stage(
            JobView(experiment, JobProgress(stages_done=done, stages=6), "running")
        )
        return link.seed, link.role

    assert [at(done) for done in (0, 2, 3, 5)] == [
        (4, "teacher"),
        (4, "distilled"),
        (7, "teacher"),
        (7, "distilled"),
    ]
    assert at(6) == (7, "distilled")


def test_lines_report_each_net_once(
    experiment: ExperimentSnapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(with_trained(experiment, 1))
    for done in (0, 1, 1, 3, 3):
        lines.show(JobView(with_trained(experiment, 3), JobProgress(RUNNING, done, 6), "running"))
    assert capsys.readouterr().err.splitlines() == [
        "teacher, seed 4: trained before, validation 90.00 %",
        "baseline, seed 4: 2 epochs in 1 min 5 s, validation 90.00 %",
        "distilled, seed 4: 2 epochs in 1 min 5 s, validation 90.00 %",
    ]


def test_long_stage_is_reported_every_30_seconds(
    experiment: ExperimentSnapshot,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([1000.0, 1029.0, 1030.0, 1030.0, 1059.0, 1060.0, 1060.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    lines = Lines(experiment)
    for _ in range(4):
        lines.show(JobView(experiment, JobProgress(RUNNING, 0, 6), "running"))
    line = "teacher, seed 4: epoch 3 of 20, loss 0.2500, 1 min 10 s left"
    assert capsys.readouterr().err.splitlines() == [line, line]
    assert next(clock, None) is None


def test_notices_are_printed_once(
    experiment: ExperimentSnapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(experiment)
    for notices in ((), ("First.",), ("First.",), ("First.", "Second.")):
        lines.show(JobView(experiment, JobProgress(RUNNING, 0, 6, notices), "running"))
    assert capsys.readouterr().err.splitlines() == ["First.", "Second."]


def test_bars_show_the_three_nets_of_a_seed_and_all_seeds(experiment: ExperimentSnapshot) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with Progress(console=console, auto_refresh=False) as drawn:
        bars = Bars(drawn, experiment)
        bars.show(JobView(with_trained(experiment, 4), JobProgress(RUNNING, 4, 6), "running"))
        tasks = [(task.description, task.completed, task.fields["text"]) for task in drawn.tasks]
        bars.print_message("A line [above] the bars.")
    assert tasks == [
        ("teacher", 1.0, "2 epochs in 1 min 5 s, validation 90.00 %"),
        ("baseline", 0.125, "epoch 3 of 20, loss 0.2500, 1 min 10 s left"),
        ("distilled", 0.0, "waiting"),
        ("all seeds", pytest.approx(4 / 6), "seed 7, 2 of 2"),
    ]
    assert "the bars." in screen.getvalue()


def test_single_seed_has_no_bar_for_all_seeds(experiment: ExperimentSnapshot) -> None:
    single_seed = replace(experiment, document=experiment.document | {"seeds": [4]})
    with Progress(console=Console(file=io.StringIO()), auto_refresh=False) as drawn:
        bars = Bars(drawn, single_seed)
        bars.show(JobView(single_seed, JobProgress(), "queued"))
        assert [task.description for task in drawn.tasks] == ["teacher", "baseline", "distilled"]
        assert [task.fields["text"] for task in drawn.tasks] == ["waiting"] * 3
